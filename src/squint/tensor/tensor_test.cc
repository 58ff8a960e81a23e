#include "squint/tensor/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace squint {
namespace {

TEST(Tensor, CopiesShareTheirBytesAndClonesDoNot) {
  auto a = Tensor::Of<float>({2}, {1, 2});
  const Tensor b = a;
  EXPECT_EQ(a.raw(), b.raw());
  Tensor c = a.Clone();
  c.mutable_data<float>()[0] = 5;
  EXPECT_EQ(a.data<float>()[0], 1);
}

TEST(Tensor, ComputedBytesAreReadPieceByPiece) {
  const auto buffer =
      Buffer::Computed(8, [](size_t offset, std::span<std::byte> out) {
        for (size_t i = 0; i < out.size(); ++i) {
          out[i] = static_cast<std::byte>(offset + i);
        }
      });
  const Tensor tensor(DType::kUint8, {8}, buffer);
  EXPECT_THROW(tensor.raw(), Error);
  EXPECT_EQ(tensor.Materialize().data<uint8_t>()[7], 7);
  std::byte piece[2];
  buffer->Read(3, piece);
  EXPECT_EQ(std::to_integer<int>(piece[1]), 4);
  EXPECT_THROW(buffer->Read(7, piece), Error);
}

TEST(Tensor, RefusesShapesWithoutAnElementCount) {
  EXPECT_THROW(ElementCount(Dims{-1}), Error);
  EXPECT_THROW(ElementCount(Dims{INT64_MAX, 2}), Error);
  EXPECT_EQ(ElementCount(Dims{}), 1);
  EXPECT_EQ(ElementCount(Dims{3, 0}), 0);
}

TEST(Tensor, FloatToIntegerTruncatesAndSaturates) {
  const auto x = Tensor::Of<float>({5}, {1.9f, -1.9f, 300, -300, NAN});
  const Tensor y = x.CastTo(DType::kInt8);
  const int8_t expected[] = {1, -1, 127, -128, 0};
  EXPECT_EQ(std::memcmp(y.raw(), expected, 5), 0);
}

TEST(Tensor, PacksFourAndTwoBitsLowPartFirst) {
  const auto x = Tensor::Of<int8_t>({3}, {-8, 7, -1});
  const Tensor packed = x.CastTo(DType::kInt4);
  ASSERT_EQ(packed.bytes(), 2u);
  EXPECT_EQ(std::to_integer<int>(packed.raw()[0]), 0x78);
  EXPECT_EQ(std::to_integer<int>(packed.raw()[1]), 0x0f);
  const Tensor back = packed.CastTo(DType::kInt8);
  EXPECT_EQ(std::memcmp(back.raw(), x.raw(), 3), 0);
  const auto two = Tensor::Of<uint8_t>({5}, {0, 1, 2, 3, 1});
  const Tensor packed_two = two.CastTo(DType::kUint2);
  EXPECT_EQ(std::to_integer<int>(packed_two.raw()[0]), 0b11100100);
  EXPECT_EQ(std::to_integer<int>(packed_two.raw()[1]), 1);
}

}  // namespace
}  // namespace squint
