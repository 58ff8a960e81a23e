#include "squint/quantize/weights.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "squint/base/error.h"
#include "squint/base/threads.h"
#include "squint/kernels/scale_search/scale_search_ref.h"

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

Tensor RandomWeight(Dims dims) {
  Tensor w(DType::kFloat32, std::move(dims));
  std::mt19937 engine(5);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  for (int64_t i = 0; i < w.size(); ++i) {
    w.mutable_data<float>()[i] = normal(engine);
  }
  return w;
}

// The weights of group (outer, block, inner) along an axis.
std::vector<float> GroupOf(const Tensor& w, int axis, int64_t group, int64_t o,
                           int64_t b, int64_t i) {
  int64_t inner = 1;
  for (int k = axis + 1; k < w.rank(); ++k) inner *= w.dim(k);
  std::vector<float> values;
  for (int64_t k = b * group; k < std::min(w.dim(axis), (b + 1) * group); ++k) {
    values.push_back(w.data<float>()[(o * w.dim(axis) + k) * inner + i]);
  }
  return values;
}

float RoundedToHalf(float value) {
  return Tensor::Scalar(value)
      .CastTo(DType::kFloat16)
      .CastTo(DType::kFloat32)
      .data<float>()[0];
}

// Whole and cut blocks, along the first, a middle and the last axis; the last
// two are so large that they are read in several chunks.
TEST(Weights, EachGroupHasTheScaleThatThePlainLoopFinds) {
  struct Case {
    Dims dims;
    int axis;
  };
  ThreadPool pool(3);
  for (const Case& c :
       {Case{{40, 33}, 0}, Case{{33, 40}, 1}, Case{{3, 50, 7}, 1},
        Case{{1, 5}, 1}, Case{{72, 40000}, 0}, Case{{50000, 56}, 1}}) {
    SCOPED_TRACE(DimsToString(c.dims));
    const Tensor w = RandomWeight(c.dims);
    WeightOptions options;
    options.dtype = DType::kInt4;
    options.group = 16;
    options.reduce_axis = c.axis;
    const Tensor scale = ChooseWeightParams(w, options).scale;
    const Tensor parallel = ChooseWeightParams(w, options, &pool).scale;
    EXPECT_TRUE(std::equal(scale.values<float>().begin(),
                           scale.values<float>().end(),
                           parallel.values<float>().begin()));
    const int64_t blocks = (w.dim(c.axis) + 15) / 16;
    const int64_t inner = c.axis + 1 == w.rank() ? 1 : w.dim(w.rank() - 1);
    const int64_t step = std::max<int64_t>(1, scale.size() / 999);
    for (int64_t at = 0; at < scale.size(); at += step) {
      const auto group = GroupOf(w, c.axis, 16, at / inner / blocks,
                                 at / inner % blocks, at % inner);
      ASSERT_EQ(scale.data<float>()[at],
                RoundedToHalf(SearchScaleReference(group, 7)))
          << "group " << at;
    }
  }
}

TEST(Weights, GroupsKeepScalesThatHalfPrecisionDoesNotHold) {
  Tensor w = RandomWeight({32, 3});
  for (int i = 0; i < 3; ++i) w.mutable_data<float>()[i * 7] = 1e6f;
  WeightOptions options;
  options.dtype = DType::kInt4;
  options.group = 32;
  options.reduce_axis = 0;
  const Tensor scale = ChooseWeightParams(w, options).scale;
  for (int64_t j = 0; j < 3; ++j) {
    EXPECT_EQ(scale.data<float>()[j],
              SearchScaleReference(GroupOf(w, 0, 32, 0, 0, j), 7));
  }
}

TEST(Weights, ChannelsOfFourBitsHaveTheScaleThatThePlainLoopFinds) {
  const Tensor w = RandomWeight({3, 5, 4});
  WeightOptions options;
  options.dtype = DType::kInt4;
  options.axis = 1;
  const QuantParams params = ChooseWeightParams(w, options);
  for (int64_t c = 0; c < 5; ++c) {
    std::vector<float> channel;
    for (int64_t o = 0; o < 3; ++o) {
      for (int64_t i = 0; i < 4; ++i) {
        channel.push_back(w.data<float>()[(o * 5 + c) * 4 + i]);
      }
    }
    EXPECT_EQ(params.scale_at(c), SearchScaleReference(channel, 7));
  }
}

TEST(Weights, LargeOnesAreQuantizedWhenTheyAreRead) {
  const Tensor w = RandomWeight({600, 500});
  const QuantParams params = ChooseWeightParams(w, {});
  const Tensor lazy = QuantizeWeight(w, params);
  EXPECT_TRUE(lazy.buffer()->is_computed());
  const Tensor read = lazy.Materialize();
  const Tensor truth = QuantizeTensor(w, params);
  EXPECT_EQ(std::memcmp(read.raw(), truth.raw(), truth.bytes()), 0);
  EXPECT_FALSE(
      QuantizeWeight(RandomWeight({6, 5}), PerTensor(DType::kInt8, 1, 0))
          .buffer()
          ->is_computed());
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
    WeightOptions groups{.dtype = DType::kInt4, .group = 2};
    EXPECT_THROW(ChooseWeightParams(w, groups), Error);
    WeightOptions storage{.dtype = DType::kFloat16};
    EXPECT_THROW(ChooseWeightParams(w, storage), Error);
  }
}

TEST(Weights, NarrowsOnlyChannelsThatCouldSaturate) {
  // Channel 0: one large weight among small ones. Channel 1: two large.
  const auto w = Tensor::Of<float>({2, 3}, {127, 0, -100, 127, 2, 127});
  WeightOptions options;
  options.saturation_safe = true;
  const QuantParams params = ChooseWeightParams(w, options);
  EXPECT_FLOAT_EQ(params.scale_at(0), 1.0f);
  EXPECT_FLOAT_EQ(params.scale_at(1), 2.0f);
}

TEST(Weights, NarrowsByThePairsThatKernelsMultiplySideBySide) {
  // Conv weights (filters, channels, 1, taps): of filter 0 no pair of channels
  // has both of its weights large, of filter 1 one has.
  const auto conv =
      Tensor::Of<float>({2, 4, 1, 2}, {127, 1, 0, -127, 127, 2, -99, 3,  //
                                       1, -127, 2, -63.5, 9, 1, 127, 1});
  WeightOptions options;
  options.saturation_safe = true;
  const QuantParams params = ChooseWeightParams(conv, options);
  EXPECT_FLOAT_EQ(params.scale_at(0), 1.0f);
  EXPECT_FLOAT_EQ(params.scale_at(1), 1.5f);
  // MatMul weights (k, n).
  const auto product =
      Tensor::Of<float>({4, 2}, {127, 1, 1, 127, 0, 127, 127, -126});
  options.axis = 1;
  options.reduce_axis = 0;
  const QuantParams columns = ChooseWeightParams(product, options);
  EXPECT_FLOAT_EQ(columns.scale_at(0), 128.0f / 127);
  EXPECT_FLOAT_EQ(columns.scale_at(1), 128.0f / 127);
}

TEST(Weights, NarrowsByAnyTwoWhereWhatIsSummedIsNoneOfTheFirstAxes) {
  // Einsum bhk,hjk->bhj: (h, j, k).
  const auto w = Tensor::Of<float>({2, 1, 2}, {127, 127, -127, -127});
  WeightOptions options;
  options.saturation_safe = true;
  options.axis = 1;
  options.reduce_axis = 2;
  EXPECT_FLOAT_EQ(ChooseWeightParams(w, options).scale_at(0), 2.0f);
}

void ExpectSafePairs(float size) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  Tensor w(DType::kFloat32, {32, 64, 3, 3});
  for (int64_t i = 0; i < w.size(); ++i) {
    w.mutable_data<float>()[i] = normal(random) * size;
  }
  WeightOptions options;
  options.saturation_safe = true;
  const Tensor q = QuantizeWeight(w, ChooseWeightParams(w, options));
  int most = 0;
  for (int64_t i = 0; i < w.size(); ++i) {
    if (i / 9 % 2 == 1) continue;
    const int a = q.data<int8_t>()[i];
    const int b = q.data<int8_t>()[i + 9];
    if (a * b > 0) most = std::max(most, std::abs(a + b));
  }
  EXPECT_LE(most, 128);
  EXPECT_GE(most, 120);
}

// Products of the small ones are 0 in float.
TEST(Weights, HoldNoPairThatSaturatesWhenTheyAreSaturationSafe) {
  for (const float size : {1.0f, 1e-20f, 1e-30f, 1e20f}) ExpectSafePairs(size);
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
