#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_magnitude_normalization() {
  return {
      OpExample("LpNormalization", "L2").In(Ramp({2, 3, 4})),
      OpExample("LpNormalization", "L1, middle axis")
          .In(Ramp({2, 3, 4}))
          .Set("axis", int64_t{1})
          .Set("p", int64_t{1}),
      OpExample("LRN", "five channels of seven")
          .In(Ramp({2, 7, 3}, -3, 3))
          .Set("size", int64_t{5})
          .Set("alpha", 0.5f),
      OpExample("MeanVarianceNormalization", "default axes")
          .In(Ramp({2, 3, 4, 2})),
      OpExample("MeanVarianceNormalization", "rows")
          .In(Ramp({2, 5}))
          .Set("axes", std::vector<int64_t>{-1}),
      OpExample("RMSNormalization", "last axis")
          .In(Ramp({2, 3, 4}))
          .Const(Ramp({4}, 0.5f, 2, 2)),
      OpExample("RMSNormalization", "two axes, one scale")
          .In(Ramp({2, 3, 4}))
          .Const(Ramp({3, 1}, 0.5f, 2, 2))
          .Set("axis", int64_t{1}),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::Pointwise;

TEST(LpNormalization, DividesByTheNormOfTheLine) {
  const auto normalized = [](int64_t p) {
    return FloatsOf(OpExample("LpNormalization", "")
                        .In(Floats({2, 2}, {3, -4, 0, 0}))
                        .Set("p", p));
  };
  EXPECT_THAT(normalized(2), ElementsAre(FloatEq(0.6f), FloatEq(-0.8f), 0, 0));
  EXPECT_THAT(normalized(1),
              ElementsAre(FloatEq(3 / 7.0f), FloatEq(-4 / 7.0f), 0, 0));
  EXPECT_THROW(normalized(3), Error);
}

TEST(Lrn, AnEvenSizeLooksFurtherUp) {
  // alpha / size = 1; channel 0 sees 1 + 4, channel 2 only itself.
  EXPECT_THAT(FloatsOf(OpExample("LRN", "")
                           .In(Floats({1, 3, 1}, {1, 2, 3}))
                           .Set("size", int64_t{2})
                           .Set("alpha", 2.0f)
                           .Set("beta", 1.0f)),
              Pointwise(FloatEq(), {1 / 6.0f, 2 / 14.0f, 3 / 10.0f}));
}

TEST(Lrn, NeedsChannelsAndASize) {
  const auto lrn = [](Dims dims, int64_t size) {
    return FloatsOf(
        OpExample("LRN", "").In(Ramp(std::move(dims))).Set("size", size));
  };
  EXPECT_THROW(lrn({2, 3}, 0), Error);
  EXPECT_THROW(lrn({3}, 1), Error);
  EXPECT_EQ(lrn({2, 3}, INT64_MAX).size(), 6u);
}

TEST(MeanVarianceNormalization, HasMeanZeroAndVarianceOne) {
  EXPECT_THAT(FloatsOf(OpExample("MeanVarianceNormalization", "")
                           .In(Floats({2, 2}, {1, 10, 3, 30}))
                           .Set("axes", std::vector<int64_t>{0})),
              Pointwise(FloatNear(1e-6f), {-1.0f, -1.0f, 1.0f, 1.0f}));
}

TEST(MeanVarianceNormalization, EqualNumbersBecomeZero) {
  EXPECT_THAT(FloatsOf(OpExample("MeanVarianceNormalization", "")
                           .In(Floats({1, 3}, {7, 7, 7}))
                           .Set("axes", std::vector<int64_t>{1})),
              ElementsAre(0, 0, 0));
}

TEST(MeanVarianceNormalization, RefusesAxesThatAreNotThere) {
  EXPECT_THROW(
      RunExample(OpExample("MeanVarianceNormalization", "").In(Ramp({2, 3}))),
      Error);
}

TEST(RmsNormalization, DividesByTheRootOfTheMeanSquare) {
  // (1 + 49) / 2 = 25.
  EXPECT_THAT(FloatsOf(OpExample("RMSNormalization", "")
                           .In(Floats({1, 2}, {1, -7}))
                           .Const(Floats({2}, {1, 10}))
                           .Set("epsilon", 0.0f)),
              Pointwise(FloatEq(), {0.2f, -14.0f}));
}

TEST(RmsNormalization, TheResultHasTheTypeOfTheScale) {
  const Tensor y = RunExample(OpExample("RMSNormalization", "")
                                  .In(Ramp({2, 4}).CastTo(DType::kFloat16))
                                  .Const(Ramp({4})))[0];
  EXPECT_EQ(y.dtype(), DType::kFloat32);
}

TEST(RmsNormalization, RefusesAScaleThatWouldEnlargeTheInput) {
  const auto scaled = [](Dims scale) {
    RunExample(OpExample("RMSNormalization", "")
                   .In(Ramp({2, 1}))
                   .Const(Ramp(std::move(scale))));
  };
  EXPECT_THROW(scaled({4}), Error);
  EXPECT_THROW(scaled({1, 2, 1}), Error);
  EXPECT_NO_THROW(scaled({1}));
}

}  // namespace
}  // namespace squint
