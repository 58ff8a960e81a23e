#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

namespace {

// Pixels 0 to 15 of a 4 x 4 image.
Tensor Image() {
  std::vector<float> pixels(16);
  for (size_t i = 0; i < 16; ++i) pixels[i] = static_cast<float>(i);
  return Floats({1, 1, 4, 4}, std::move(pixels));
}

OpExample Aligned(std::vector<float> box, int64_t owner = 0) {
  return OpExample("RoiAlign", "")
      .In(Image())
      .In(Floats({1, 4}, std::move(box)))
      .In(Ints({1}, {owner}))
      .Set("sampling_ratio", int64_t{1});
}

}  // namespace

std::vector<OpExample> Examples_roi() {
  return {
      OpExample("RoiAlign", "average")
          .In(Ramp({2, 3, 6, 5}))
          .Const(Floats({2, 4}, {0, 0, 4, 4, 1, 1, 5, 3}))
          .Const(Ints({2}, {1, 0}))
          .Set("output_height", int64_t{2})
          .Set("output_width", int64_t{3})
          .FixedSizes(),
      OpExample("RoiAlign", "maximum, sampled")
          .In(Ramp({1, 2, 6, 5}))
          .In(Floats({1, 4}, {0, 0, 8, 6}))
          .In(Ints({1}, {0}))
          .Set("mode", std::string("max"))
          .Set("sampling_ratio", int64_t{2})
          .Set("spatial_scale", 0.5f)
          .FixedSizes(),
      OpExample("MaxRoiPool", "")
          .In(Ramp({2, 3, 6, 5}))
          .Const(Floats({2, 5}, {0, 0, 0, 4, 4, 1, 1, 1, 3, 5}))
          .Set("pooled_shape", std::vector<int64_t>{2, 2})
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;

TEST(RoiAlign, SamplesInTheMiddleOfACell) {
  // From pixel edge 1 to 3: the middle is the corner of pixels 5, 6, 9, 10.
  EXPECT_THAT(FloatsOf(Aligned({1, 1, 3, 3})), ElementsAre(7.5f));
}

TEST(RoiAlign, WithoutTheShiftThatIsAPixel) {
  const OpExample old = Aligned({1, 1, 3, 3});
  EXPECT_THAT(RunUpgraded(old, 10).ToFloats(), ElementsAre(10));
  EXPECT_THAT(RunUpgraded(old, 16).ToFloats(), ElementsAre(7.5f));
}

TEST(RoiAlign, CountsSamplesByTheCellsSizeUnlessTold) {
  // One sample a pixel: the mean of pixels 0, 1, 4, 5.
  EXPECT_THAT(FloatsOf(Aligned({0, 0, 2, 2}).Set("sampling_ratio", int64_t{0})),
              ElementsAre(2.5f));
}

TEST(RoiAlign, OutsideIsZero) {
  EXPECT_THAT(FloatsOf(Aligned({10, 10, 12, 12})), ElementsAre(0));
}

TEST(RoiAlign, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RunExample(Aligned({0, 0, 2, 2}, 1)), Error);
  EXPECT_THROW(
      RunExample(Aligned({0, 0, 2, 2}).Set("mode", std::string("sum"))), Error);
  EXPECT_THROW(
      RunExample(Aligned({0, 0, 2, 2}).Set("output_height", int64_t{0})),
      Error);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float edge : {1e9f, nan}) {
    EXPECT_THROW(
        RunExample(Aligned({0, 0, edge, 2}).Set("sampling_ratio", int64_t{0})),
        Error);
  }
}

OpExample Pooled(std::vector<float> region) {
  return OpExample("MaxRoiPool", "")
      .In(Image())
      .In(Floats({1, 5}, std::move(region)))
      .Set("pooled_shape", std::vector<int64_t>{2, 2});
}

TEST(MaxRoiPool, TakesTheLargestPixelOfEachCell) {
  EXPECT_THAT(FloatsOf(Pooled({0, 0, 0, 3, 3})), ElementsAre(5, 7, 13, 15));
  // Cells of 1.5 pixels reach into each other.
  EXPECT_THAT(FloatsOf(Pooled({0, 1, 1, 3, 3})), ElementsAre(10, 11, 14, 15));
}

TEST(MaxRoiPool, CellsOutsideAreZero) {
  EXPECT_THAT(FloatsOf(Pooled({0, 2, 2, 5, 5})), ElementsAre(15, 0, 0, 0));
}

TEST(MaxRoiPool, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RunExample(Pooled({1, 0, 0, 3, 3})), Error);
  EXPECT_THROW(RunExample(Pooled({0, 0, 0, 3, 1e20f})), Error);
}

}  // namespace
}  // namespace squint
