#include "squint/quantize/weights.h"

#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"

namespace squint {
namespace {

TEST(Weights, PerChannelScalesAreTheLargestMagnitudeOver127) {
  const auto w = Tensor::Of<float>({2, 3}, {1, -2, 0.5, 0, 0, 0});
  const QuantParams params = ChooseWeightParams(w, {});
  ASSERT_EQ(params.scale.size(), 2);
  EXPECT_FLOAT_EQ(params.scale_at(0), 2.0f / 127);
  EXPECT_EQ(params.scale_at(1), 1.0f) << "all-zero channels have scale 1";
  const Tensor q = QuantizeTensor(w, params);
  EXPECT_EQ(q.data<int8_t>()[1], -127);
  EXPECT_EQ(q.data<int8_t>()[3], 0);
}

TEST(Weights, ChannelsLieAlongTheAxis) {
  const auto w = Tensor::Of<float>({2, 2}, {1, 10, 2, 20});
  WeightOptions options;
  options.axis = 1;
  const QuantParams params = ChooseWeightParams(w, options);
  EXPECT_FLOAT_EQ(params.scale_at(0), 2.0f / 127);
  EXPECT_FLOAT_EQ(params.scale_at(1), 20.0f / 127);
}

TEST(Weights, UnsignedTypesAreAsymmetric) {
  const auto w = Tensor::Of<float>({1, 2}, {-1, 3});
  WeightOptions options;
  options.dtype = DType::kUint8;
  const QuantParams params = ChooseWeightParams(w, options);
  EXPECT_FLOAT_EQ(params.scale_at(0), 4.0f / 255);
  EXPECT_EQ(params.zero_point_at(0), 64);
}

TEST(Weights, GroupsAlongKHaveTheirOwnScale) {
  // K = 5 in groups of 2: three groups, the last of one row.
  Tensor w(DType::kFloat32, {5, 2});
  for (int i = 0; i < 10; ++i) {
    w.mutable_data<float>()[i] = static_cast<float>(i + 1);
  }
  WeightOptions options;
  options.dtype = DType::kInt4;
  options.group = 2;
  options.reduce_axis = 0;
  const QuantParams params = ChooseWeightParams(w, options);
  EXPECT_EQ(params.scale.dims(), (Dims{3, 2}));
  EXPECT_EQ(params.axis, 0);
  EXPECT_EQ(params.block, 2);
  const Tensor back = FakeQuantizeTensor(w, params);
  for (int i = 0; i < 10; ++i) {
    EXPECT_NEAR(back.data<float>()[i], w.data<float>()[i],
                params.scale.data<float>()[(i / 4) * 2 + i % 2]);
  }
}

TEST(Weights, FourBitScalesAreNoWorseThanTheLargestMagnitude) {
  Tensor w(DType::kFloat32, {1, 64});
  for (int i = 0; i < 64; ++i) {
    w.mutable_data<float>()[i] = std::sin(static_cast<float>(i));
  }
  w.mutable_data<float>()[7] = 1.3f;  // clipping it pays
  WeightOptions options;
  options.dtype = DType::kInt4;
  const QuantParams params = ChooseWeightParams(w, options);
  const auto error = [&](const QuantParams& p) {
    const Tensor back = FakeQuantizeTensor(w, p);
    double sum = 0;
    for (int i = 0; i < 64; ++i) {
      const double d = static_cast<double>(back.data<float>()[i]) -
                       static_cast<double>(w.data<float>()[i]);
      sum += d * d;
    }
    return sum;
  };
  const float largest[] = {1.3f / 7};
  EXPECT_LT(error(params), error(PerChannel(DType::kInt4, 0, largest)));
}

TEST(Weights, RefuseNaNAndInfinity) {
  for (const float bad : {NAN, INFINITY}) {
    const auto w = Tensor::Of<float>({1, 2}, {1, bad});
    EXPECT_THROW(ChooseWeightParams(w, {}), Error);
  }
}

TEST(Weights, NarrowsOnlyChannelsThatCouldSaturate) {
  // Channel 0: one large weight among small ones. Channel 1: two large.
  const auto w = Tensor::Of<float>({2, 3}, {127, 1, -100, 127, 2, 127});
  WeightOptions options;
  options.saturation_safe = true;
  const QuantParams params = ChooseWeightParams(w, options);
  EXPECT_FLOAT_EQ(params.scale_at(0), 1.0f);
  EXPECT_FLOAT_EQ(params.scale_at(1), 2.0f);
}

TEST(Bias, HasTheScaleOfItsProducts) {
  const float scales[] = {0.5f, 0.25f};
  const QuantParams weight = PerChannel(DType::kInt8, 0, scales);
  const auto bias = Tensor::Of<float>({2}, {1.0f, -1.0f});
  const BiasParams chosen = ChooseBiasParams(bias, 0.125f, weight);
  EXPECT_FALSE(chosen.must_grow);
  const Tensor q = QuantizeTensor(bias, chosen.params);
  EXPECT_EQ(q.data<int32_t>()[0], 16);
  EXPECT_EQ(q.data<int32_t>()[1], -32);
}

TEST(Bias, AsksForLargerWeightScalesBeyondTwoToTheThirty) {
  const float scales[] = {1e-6f, 1.0f};
  const QuantParams weight = PerChannel(DType::kInt8, 0, scales);
  const auto bias = Tensor::Of<float>({2}, {4000.0f, 1000.0f});
  const BiasParams chosen = ChooseBiasParams(bias, 1e-6f, weight);
  EXPECT_TRUE(chosen.must_grow);
  EXPECT_GT(chosen.grow[0], 1.0f);
  EXPECT_EQ(chosen.grow[1], 1.0f);
}

}  // namespace
}  // namespace squint
