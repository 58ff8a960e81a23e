#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_affine_grid() {
  return {
      OpExample("AffineGrid", "an image")
          .In(Ramp({2, 2, 3}))
          .Const(Ints({4}, {2, 3, 4, 5}))
          .FixedSizes(),
      OpExample("AffineGrid", "a volume")
          .In(Ramp({1, 3, 4}))
          .Const(Ints({5}, {1, 1, 2, 3, 2}))
          .Set("align_corners", int64_t{1})
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;

OpExample Moved(std::vector<float> matrix) {
  return OpExample("AffineGrid", "")
      .In(Floats({1, 2, 3}, std::move(matrix)))
      .Const(Ints({4}, {1, 1, 1, 2}));
}

TEST(AffineGrid, SpacesPositionsByCentresOrByCorners) {
  const std::vector<float> identity = {1, 0, 0, 0, 1, 0};
  EXPECT_THAT(FloatsOf(Moved(identity)), ElementsAre(-0.5f, 0, 0.5f, 0));
  EXPECT_THAT(FloatsOf(Moved(identity).Set("align_corners", int64_t{1})),
              ElementsAre(-1, -1, 1, -1));
}

TEST(AffineGrid, AppliesTheMatrixToXBeforeY) {
  EXPECT_THAT(FloatsOf(Moved({2, 0, 10, 4, 0, 20})),
              ElementsAre(9, 18, 11, 22));
}

TEST(AffineGrid, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RunExample(OpExample("AffineGrid", "")
                              .In(Ramp({1, 2, 4}))
                              .Const(Ints({4}, {1, 1, 2, 2}))),
               Error);
  EXPECT_THROW(RunExample(OpExample("AffineGrid", "")
                              .In(Ramp({1, 2, 3}))
                              .Const(Ints({4}, {2, 1, 2, 2}))),
               Error);
  EXPECT_THROW(RunExample(OpExample("AffineGrid", "")
                              .In(Ramp({1, 3, 4}))
                              .Const(Ints({4}, {1, 1, 2, 2}))),
               Error);
}

}  // namespace
}  // namespace squint
