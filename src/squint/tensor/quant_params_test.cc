#include "squint/tensor/quant_params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace squint {
namespace {

TEST(QuantizeValue, RoundsHalfToEven) {
  const float ties[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f};
  const int expected[] = {0, 2, 2, 0, -2};
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(QuantizeValue(ties[i], 1.0f, 0, -128, 127), expected[i]);
  }
}

TEST(QuantizeValue, DividesInsteadOfMultiplyingByTheInverse) {
  // 0.5 / 0.1f is just below 5, 0.5 * (1 / 0.1f) is 5: the step differs for
  // some ties. 2.45 / 0.7 = 3.5 in float32.
  const float x = 2.45f;
  const float scale = 0.7f;
  EXPECT_EQ(QuantizeValue(x, scale, 0, -128, 127),
            static_cast<int>(std::nearbyint(x / scale)));
}

TEST(QuantizeValue, SaturatesAndMapsNaNToTheZeroPoint) {
  EXPECT_EQ(QuantizeValue(1e30f, 1e-3f, 3, 0, 255), 255);
  EXPECT_EQ(QuantizeValue(-INFINITY, 1.0f, 3, 0, 255), 0);
  EXPECT_EQ(QuantizeValue(NAN, 1.0f, 3, 0, 255), 3);
}

TEST(ChooseScale, AlwaysRepresentsZeroExactly) {
  for (const auto& [low, high] : {std::pair(0.5, 3.0), std::pair(-3.0, -0.5),
                                  std::pair(-1.0, 2.7)}) {
    for (const DType dtype : {DType::kUint8, DType::kInt8, DType::kUint16}) {
      const ScaleZero s = ChooseScale(low, high, dtype, false);
      const QuantRange r = RangeOf(dtype, false);
      EXPECT_GE(s.zero_point, r.qmin);
      EXPECT_LE(s.zero_point, r.qmax);
      EXPECT_EQ(DequantizeValue(
                    QuantizeValue(0, s.scale, s.zero_point, r.qmin, r.qmax),
                    s.scale, s.zero_point),
                0.0f);
    }
  }
}

TEST(ChooseScale, SymmetricTypesHaveTheirMiddleForZero) {
  EXPECT_EQ(ChooseScale(-1, 4, DType::kInt8, true).zero_point, 0);
  EXPECT_FLOAT_EQ(ChooseScale(-1, 4, DType::kInt8, true).scale, 4.0f / 127);
  EXPECT_EQ(ChooseScale(-1, 4, DType::kUint8, true).zero_point, 128);
  EXPECT_FLOAT_EQ(ChooseScale(-1, 4, DType::kUint8, true).scale, 4.0f / 127);
  EXPECT_EQ(RangeOf(DType::kInt4, true).qmin, -7);
}

TEST(ChooseScale, RangesOfNoWidthHaveScaleOne) {
  EXPECT_EQ(ChooseScale(0, 0, DType::kInt8, false).scale, 1.0f);
  EXPECT_EQ(ChooseScale(0, 1e-44, DType::kUint8, false).scale, 1.0f);
}

TEST(QuantizeTensor, UsesTheScaleOfTheChannelAndOfTheBlock) {
  const float scales[] = {1.0f, 0.5f};
  const auto x = Tensor::Of<float>({2, 2}, {1, 2, 1, 2});
  const Tensor q = QuantizeTensor(x, PerChannel(DType::kInt8, 0, scales));
  EXPECT_EQ(q.ToInts(), (std::vector<int64_t>{1, 2, 2, 4}));
  QuantParams blocks;
  blocks.dtype = DType::kInt4;
  blocks.axis = 0;
  blocks.block = 2;  // three rows: blocks of 2 and 1
  blocks.scale = Tensor::Of<float>({2, 1}, {1.0f, 0.5f});
  blocks.zero_point = Tensor(DType::kInt4, {2, 1});
  const auto y = Tensor::Of<float>({3, 1}, {3, -2, 1.5f});
  EXPECT_EQ(QuantizeTensor(y, blocks).ToInts(),
            (std::vector<int64_t>{3, -2, 3}));
  EXPECT_EQ(FakeQuantizeTensor(y, blocks).ToFloats(),
            (std::vector<float>{3, -2, 1.5f}));
}

TEST(QuantizeTensor, RefusesAnotherNumberOfScalesThanChannels) {
  const QuantParams params =
      PerChannel(DType::kInt8, 0, std::vector<float>{1, 2});
  EXPECT_THROW(QuantizeTensor(Tensor(DType::kFloat32, {3, 1}), params), Error);
  EXPECT_THROW(DequantizeTensor(Tensor(DType::kInt8, {3, 1}), params), Error);
}

TEST(QuantParams, AreEqualWhenTheirNumbersAre) {
  EXPECT_EQ(PerTensor(DType::kInt8, 0.5f, 1), PerTensor(DType::kInt8, 0.5f, 1));
  EXPECT_FALSE(PerTensor(DType::kInt8, 0.5f, 1) ==
               PerTensor(DType::kInt8, 0.5f, 2));
}

}  // namespace
}  // namespace squint
