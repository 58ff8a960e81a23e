#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

// Corners [y1, x1, y2, x2]: two pairs of near neighbours and one alone.
Tensor Boxes() {
  return Floats({1, 5, 4}, {0, 0,  10, 10, 0, 1,  10, 11,  //
                            0, 20, 10, 30, 0, 21, 10, 31, 0, 50, 10, 60});
}

OpExample Suppressed(std::vector<float> scores, int64_t limit = 10) {
  const auto classes = static_cast<int64_t>(scores.size()) / 5;
  return OpExample("NonMaxSuppression", "")
      .In(Boxes())
      .In(Floats({1, classes, 5}, std::move(scores)))
      .Const(Ints({}, {limit}))
      .Const(Floats({}, {0.5f}));
}

std::vector<int64_t> SelectedBy(OpExample example) {
  return RunExample(example)[0].ToInts();
}

}  // namespace

std::vector<OpExample> Examples_non_max_suppression() {
  return {
      Suppressed({0.9f, 0.8f, 0.7f, 0.6f, 0.5f}).DataDependent().FixedSizes(),
      OpExample("NonMaxSuppression", "nothing asked for")
          .In(Boxes())
          .In(Ramp({1, 1, 5}))
          .DataDependent()
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NonMaxSuppression, TakesTheBestOfOverlappingBoxes) {
  EXPECT_THAT(SelectedBy(Suppressed({0.8f, 0.9f, 0.7f, 0.6f, 0.1f})),
              ElementsAre(0, 0, 1, 0, 0, 2, 0, 0, 4));
}

TEST(NonMaxSuppression, TiesComeInTheOrderOfTheInput) {
  EXPECT_THAT(SelectedBy(Suppressed({0.5f, 0.5f, 0.5f, 0.5f, 0.5f})),
              ElementsAre(0, 0, 0, 0, 0, 2, 0, 0, 4));
}

TEST(NonMaxSuppression, ClassesAreJudgedAlone) {
  EXPECT_THAT(
      SelectedBy(Suppressed(
          {0.1f, 0.2f, 0.9f, 0.1f, 0.3f, 0.9f, 0.2f, 0.1f, 0.8f, 0.3f}, 1)),
      ElementsAre(0, 0, 2, 0, 1, 0));
}

TEST(NonMaxSuppression, OnlyScoresAboveTheThresholdCount) {
  EXPECT_THAT(SelectedBy(Suppressed({0.9f, 0.8f, 0.4f, 0.3f, 0.4f})
                             .Const(Floats({1}, {0.4f}))),
              ElementsAre(0, 0, 0));
}

TEST(NonMaxSuppression, AnOverlapEqualToTheThresholdStays) {
  // Two of 10 x 10, shifted by 5: 50 shared of 150.
  const auto run = [](float threshold) {
    return SelectedBy(OpExample("NonMaxSuppression", "")
                          .In(Floats({1, 2, 4}, {0, 0, 10, 10, 10, 15, 0, 5}))
                          .In(Floats({1, 1, 2}, {0.9f, 0.8f}))
                          .Const(Ints({1}, {5}))
                          .Const(Floats({1}, {threshold})));
  };
  EXPECT_THAT(run(50.0f / 150.0f), ElementsAre(0, 0, 0, 0, 0, 1));
  EXPECT_THAT(run(0.33f), ElementsAre(0, 0, 0));
}

TEST(NonMaxSuppression, BoxesMayBeGivenByTheirCentre) {
  EXPECT_THAT(SelectedBy(OpExample("NonMaxSuppression", "")
                             .In(Floats({1, 3, 4}, {5, 5, 10, 10, 6, 5, 10, 10,
                                                    5, 16, 10, 10}))
                             .In(Floats({1, 1, 3}, {0.5f, 0.9f, 0.4f}))
                             .Const(Ints({}, {9}))
                             .Const(Floats({}, {0.5f}))
                             .Set("center_point_box", int64_t{1})),
              ElementsAre(0, 0, 1, 0, 0, 2));
}

TEST(NonMaxSuppression, NotANumberIsNeverTaken) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(SelectedBy(Suppressed({nan, nan, nan, 0.5f, nan})),
              ElementsAre(0, 0, 3));
}

TEST(NonMaxSuppression, GivesNothingUnlessAskedTo) {
  const Tensor y = RunExample(Suppressed({1, 1, 1, 1, 1}, -1))[0];
  EXPECT_EQ(y.dims(), (Dims{0, 3}));
  EXPECT_THAT(
      SelectedBy(
          OpExample("NonMaxSuppression", "").In(Boxes()).In(Ramp({1, 1, 5}))),
      IsEmpty());
}

TEST(NonMaxSuppression, WhatDoesNotFitIsAnError) {
  const auto run = [](Dims boxes, Dims scores, float iou, int64_t format) {
    return RunExample(OpExample("NonMaxSuppression", "")
                          .In(Ramp(std::move(boxes)))
                          .In(Ramp(std::move(scores)))
                          .Const(Ints({}, {3}))
                          .Const(Floats({}, {iou}))
                          .Set("center_point_box", format));
  };
  EXPECT_NO_THROW(run({1, 5, 4}, {1, 2, 5}, 0.5f, 0));
  EXPECT_THROW(run({1, 5, 3}, {1, 2, 5}, 0.5f, 0), Error);
  EXPECT_THROW(run({1, 5, 4}, {1, 2, 4}, 0.5f, 0), Error);
  EXPECT_THROW(run({1, 5, 4}, {2, 2, 5}, 0.5f, 0), Error);
  EXPECT_THROW(run({1, 5, 4}, {1, 2, 5}, 1.5f, 0), Error);
  EXPECT_THROW(run({1, 5, 4}, {1, 2, 5}, 0.5f, 2), Error);
}

}  // namespace
}  // namespace squint
