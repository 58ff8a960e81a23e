#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_gelu() {
  return {
      OpExample("Gelu", "exact").In(Ramp({2, 3, 4}, -4, 4)),
      OpExample("Gelu", "by tanh")
          .In(Ramp({2, 3, 4}, -4, 4))
          .Set("approximate", std::string("tanh")),
      OpExample("SiLU", "both signs", "squint").In(Ramp({2, 3, 4}, -6, 6)),
  };
}

namespace {

using testing::FloatNear;
using testing::Pointwise;

const Tensor kPoints = Floats({5}, {-3, -1, 0, 1, 3});

TEST(Gelu, FollowsTheNormalDistribution) {
  EXPECT_THAT(FloatsOf(OpExample("Gelu", "").In(kPoints)),
              Pointwise(FloatNear(1e-6f), {-0.00404969f, -0.15865525f, 0.0f,
                                           0.84134475f, 2.99595031f}));
}

TEST(Gelu, TheTanhFormDiffersInTheFourthDigit) {
  EXPECT_THAT(FloatsOf(OpExample("Gelu", "")
                           .In(kPoints)
                           .Set("approximate", std::string("tanh"))),
              Pointwise(FloatNear(1e-6f), {-0.00363739f, -0.15880801f, 0.0f,
                                           0.84119199f, 2.99636261f}));
}

TEST(Gelu, RejectsAnUnknownApproximation) {
  EXPECT_THROW(FloatsOf(OpExample("Gelu", "")
                            .In(kPoints)
                            .Set("approximate", std::string("fast"))),
               Error);
}

TEST(Silu, IsXTimesItsSigmoid) {
  EXPECT_THAT(FloatsOf(OpExample("SiLU", "", "squint").In(kPoints)),
              Pointwise(FloatNear(1e-6f), {-0.14227762f, -0.26894142f, 0.0f,
                                           0.73105858f, 2.85772238f}));
  EXPECT_THAT(
      FloatsOf(
          OpExample("SiLU", "", "squint").In(Floats({2}, {-1e30f, 1e30f}))),
      testing::ElementsAre(0, 1e30f));
}

}  // namespace
}  // namespace squint
