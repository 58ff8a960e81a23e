#include "squint/tensor/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "squint/base/error.h"

namespace squint {
namespace {

TEST(DType, PackedTypesRoundUpToWholeBytes) {
  EXPECT_EQ(BytesOf(DType::kInt4, 0), 0u);
  EXPECT_EQ(BytesOf(DType::kInt4, 3), 2u);
  EXPECT_EQ(BytesOf(DType::kUint2, 5), 2u);
  EXPECT_EQ(BytesOf(DType::kFloat32, 3), 12u);
}

TEST(DType, RefusesCountsThatOverflow) {
  EXPECT_THROW(BytesOf(DType::kFloat64, INT64_MAX / 8), Error);
  EXPECT_THROW(BytesOf(DType::kUint8, -1), Error);
}

TEST(DType, NamesAndNumbersAgree) {
  EXPECT_EQ(DTypeName(DType::kInt4), "int4");
  EXPECT_EQ(DTypeFromName("bfloat16"), DType::kBfloat16);
  EXPECT_EQ(DTypeFromName("float"), DType::kUndefined);
  EXPECT_EQ(IntegerMin(DType::kInt4), -8);
  EXPECT_EQ(IntegerMax(DType::kUint16), 65535);
  EXPECT_EQ(IntegerMax(DType::kInt64), INT64_MAX);
}

TEST(DType, EveryFloat16SurvivesFloat32AndBack) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const Float16 half{static_cast<uint16_t>(bits)};
    const float wide = ToFloat(half);
    if (std::isnan(wide)) continue;
    EXPECT_EQ(ToFloat16(wide).bits, bits);
  }
}

TEST(DType, Float16RoundsHalfToEvenLikeTheHardware) {
  // Around every float16, halfway and just beside it.
  for (uint32_t bits = 0; bits < 0x7bff; bits += 7) {
    const float a = ToFloat(Float16{static_cast<uint16_t>(bits)});
    const float b = ToFloat(Float16{static_cast<uint16_t>(bits + 1)});
    const float middle = (a + b) / 2;  // exact in float32
    EXPECT_EQ(ToFloat16(middle).bits, bits + (bits & 1));
    EXPECT_EQ(ToFloat16(std::nextafter(middle, 0.0f)).bits, bits);
    EXPECT_EQ(ToFloat16(std::nextafter(middle, INFINITY)).bits, bits + 1);
  }
  EXPECT_EQ(ToFloat16(65519.9f).bits, 0x7bff);
  EXPECT_EQ(ToFloat16(65520.0f).bits, 0x7c00);
  EXPECT_TRUE(std::isnan(ToFloat(ToFloat16(NAN))));
}

TEST(DType, Bfloat16RoundsHalfToEvenAndKeepsNaN) {
  EXPECT_EQ(ToBfloat16(1.0f + 0x1p-8f).bits, 0x3f80);  // tie, even below
  EXPECT_EQ(ToBfloat16(1.0f + 3 * 0x1p-8f).bits, 0x3f82);
  EXPECT_TRUE(std::isnan(
      ToFloat(ToBfloat16(std::bit_cast<float>(0x7f800001u)))));
}

}  // namespace
}  // namespace squint
