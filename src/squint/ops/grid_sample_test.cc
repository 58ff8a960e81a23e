#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_grid_sample() {
  const auto image = [](const char* what) {
    return OpExample("GridSample", what)
        .In(Ramp({2, 3, 4, 5}))
        .In(Ramp({2, 3, 2, 2}, -1.5f, 1.5f, 2));
  };
  return {
      image("linear"),
      image("cubic, reflected")
          .Set("mode", std::string("cubic"))
          .Set("padding_mode", std::string("reflection")),
      image("nearest, border")
          .Set("mode", std::string("nearest"))
          .Set("padding_mode", std::string("border"))
          .Set("align_corners", int64_t{1}),
      OpExample("GridSample", "a volume")
          .In(Ramp({1, 2, 3, 2, 4}))
          .In(Ramp({1, 2, 3, 2, 3}, -1, 1, 2))
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;

// A row of pixels 10, 20, 30, 40 read at these places along it.
OpExample Row(std::vector<float> places, const char* mode,
              const char* padding) {
  std::vector<float> grid;
  for (const float x : places) grid.insert(grid.end(), {x, 0});
  const auto count = static_cast<int64_t>(places.size());
  return OpExample("GridSample", "")
      .In(Floats({1, 1, 1, 4}, {10, 20, 30, 40}))
      .In(Floats({1, 1, count, 2}, std::move(grid)))
      .Set("mode", std::string(mode))
      .Set("padding_mode", std::string(padding));
}

TEST(GridSample, CornersAreEdgesOrCentres) {
  // Edges: 0 is between pixels 1 and 2, 0.75 at pixel 3.
  EXPECT_THAT(FloatsOf(Row({0, 0.75f}, "linear", "zeros")),
              ElementsAre(25, 40));
  EXPECT_THAT(
      FloatsOf(
          Row({-1, 0, 1}, "linear", "zeros").Set("align_corners", int64_t{1})),
      ElementsAre(10, 25, 40));
}

TEST(GridSample, OutsideIsZeroTheBorderOrReflected) {
  // Places -1 and 1.25 are pixels -0.5 and 4.
  EXPECT_THAT(FloatsOf(Row({-1, 1.25f}, "linear", "zeros")), ElementsAre(5, 0));
  EXPECT_THAT(FloatsOf(Row({-1, 1.25f}, "linear", "border")),
              ElementsAre(10, 40));
  // Mirrored at 3.5: pixel 4 is pixel 3 again; place 1.75, pixel 5, is 2.
  EXPECT_THAT(FloatsOf(Row({1.25f, 1.75f}, "linear", "reflection")),
              ElementsAre(40, 30));
}

TEST(GridSample, NearestRoundsHalfToEven) {
  // Places -0.5, 0 and 0.5 are pixels 0.5, 1.5 and 2.5.
  EXPECT_THAT(FloatsOf(Row({-0.5f, 0, 0.5f}, "nearest", "border")),
              ElementsAre(10, 30, 30));
}

TEST(GridSample, CubicWeighsFourPixels) {
  // Halfway: -3/32 of the outer, 19/32 of the inner ones.
  EXPECT_THAT(FloatsOf(Row({0}, "cubic", "zeros")),
              ElementsAre(FloatNear((50 * 19 - 50 * 3) / 32.0f, 1e-4f)));
}

TEST(GridSample, PlacesThatAreNoNumbersReadNothing) {
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> places = {infinity, -infinity, nan, 1e30f};
  EXPECT_THAT(FloatsOf(Row(places, "linear", "zeros")),
              ElementsAre(0, 0, 0, 0));
  EXPECT_THAT(FloatsOf(Row(places, "cubic", "border")),
              ElementsAre(40, 10, 10, 40));
  for (const float v : FloatsOf(Row(places, "linear", "reflection"))) {
    EXPECT_GE(v, 10);
    EXPECT_LE(v, 40);
  }
}

TEST(GridSample, OnePixelReflectsToItself) {
  EXPECT_THAT(FloatsOf(OpExample("GridSample", "")
                           .In(Floats({1, 1, 1, 1}, {7}))
                           .In(Floats({1, 1, 1, 2}, {3, -2}))
                           .Set("align_corners", int64_t{1})
                           .Set("padding_mode", std::string("reflection"))),
              ElementsAre(7));
}

TEST(GridSample, OldNamesOfTheModesAreKnown) {
  for (const auto& [old_name, name] :
       {std::pair("bilinear", "linear"), std::pair("bicubic", "cubic")}) {
    const Graph graph = UpgradedGraph(Row({0}, old_name, "zeros"), 16);
    EXPECT_EQ(graph.node(graph.order().front()).String("mode", ""), name);
  }
  EXPECT_THROW(RunExample(Row({0}, "bilinear", "zeros")), Error);
}

TEST(GridSample, WhatDoesNotFitIsAnError) {
  const auto run = [](Dims x, Dims grid) {
    return RunExample(OpExample("GridSample", "")
                          .In(Ramp(std::move(x)))
                          .In(Ramp(std::move(grid))));
  };
  EXPECT_THROW(run({1, 1, 4, 4}, {1, 2, 2, 3}), Error);
  EXPECT_THROW(run({1, 1, 4, 4}, {2, 2, 2, 2}), Error);
  EXPECT_THROW(run({1, 1, 4, 4}, {1, 2, 2}), Error);
  EXPECT_THROW(RunExample(Row({0}, "linear", "wrap")), Error);
}

}  // namespace
}  // namespace squint
