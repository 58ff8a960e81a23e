#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

namespace {

OpExample Elements(const char* what, const char* type = "ScatterElements") {
  return OpExample(type, what)
      .In(Ramp({3, 4}))
      .Const(Ints({2, 3}, {0, 1, -1, 2, 0, 1}))
      .In(Ramp({2, 3}, -1, 1, 2))
      .FixedSizes();
}

OpExample Slices(const char* what) {
  return OpExample("ScatterND", what)
      .In(Ramp({4, 3}))
      .Const(Ints({2, 1}, {1, -1}))
      .In(Ramp({2, 3}, -1, 1, 2))
      .FixedSizes();
}

}  // namespace

std::vector<OpExample> Examples_scatter() {
  return {
      Elements("old", "Scatter"),
      Elements("rows"),
      Elements("columns, added")
          .Set("axis", int64_t{-1})
          .Set("reduction", std::string("add")),
      Slices("rows"),
      Slices("largest").Set("reduction", std::string("max")),
      OpExample("ScatterND", "integers")
          .In(Ints({3}, {1, 2, 3}))
          .Const(Ints({1, 1}, {1}))
          .In(Ints({1}, {9}))
          .FixedSizes(),
      OpExample("TensorScatter", "from the start")
          .In(Ramp({2, 3, 4, 2}))
          .In(Ramp({2, 3, 2, 2}, -1, 1, 2)),
      OpExample("TensorScatter", "around the end")
          .In(Ramp({2, 4, 2}))
          .In(Ramp({2, 3, 2}, -1, 1, 2))
          .Const(Ints({2}, {1, 3}))
          .Set("axis", int64_t{1})
          .Set("mode", std::string("circular"))
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;

OpExample Reduced(const char* reduction) {
  return OpExample("ScatterElements", "")
      .In(Floats({4}, {5, 2, 3, 4}))
      .In(Ints({3}, {1, 1, 0}))
      .In(Floats({3}, {10, 3, 2}))
      .Set("reduction", std::string(reduction));
}

TEST(ScatterElements, TheLastOfDuplicatesStays) {
  EXPECT_THAT(FloatsOf(Reduced("none")), ElementsAre(2, 3, 3, 4));
}

TEST(ScatterElements, DuplicatesAreReducedIntoTheData) {
  EXPECT_THAT(FloatsOf(Reduced("add")), ElementsAre(7, 15, 3, 4));
  EXPECT_THAT(FloatsOf(Reduced("mul")), ElementsAre(10, 60, 3, 4));
  EXPECT_THAT(FloatsOf(Reduced("min")), ElementsAre(2, 2, 3, 4));
  EXPECT_THAT(FloatsOf(Reduced("max")), ElementsAre(5, 10, 3, 4));
  EXPECT_THROW(RunExample(Reduced("mean")), Error);
}

TEST(ScatterElements, HalfPrecisionIsReducedInFloat) {
  const auto half = [](std::vector<float> values) {
    return Floats({2}, std::move(values)).CastTo(DType::kFloat16);
  };
  const Tensor y = RunExample(OpExample("ScatterElements", "")
                                  .In(half({1, 2}))
                                  .In(Ints({2}, {0, 0}))
                                  .In(half({3, 4}))
                                  .Set("reduction", std::string("add")))[0];
  EXPECT_EQ(y.dtype(), DType::kFloat16);
  EXPECT_THAT(y.ToFloats(), ElementsAre(8, 2));
}

TEST(ScatterElements, TheIndexCountsAlongItsAxisOnly) {
  EXPECT_THAT(FloatsOf(OpExample("ScatterElements", "")
                           .In(Floats({2, 3}, {1, 2, 3, 4, 5, 6}))
                           .In(Ints({1, 2}, {2, -3}))
                           .In(Floats({1, 2}, {8, 9}))
                           .Set("axis", int64_t{1})),
              ElementsAre(9, 2, 8, 4, 5, 6));
}

TEST(ScatterElements, WhatDoesNotFitIsAnError) {
  const auto scatter = [](Dims dims, std::vector<int64_t> indices) {
    return OpExample("ScatterElements", "")
        .In(Ramp({2, 2}))
        .In(Ints(dims, std::move(indices)))
        .In(Ramp(dims));
  };
  EXPECT_THROW(RunExample(scatter({1, 1}, {2})), Error);
  EXPECT_THROW(RunExample(scatter({1, 3}, {0, 0, 0})), Error);
  EXPECT_THROW(RunExample(scatter({1}, {0})), Error);
  EXPECT_THROW(RunExample(OpExample("ScatterElements", "")
                              .In(Ramp({2}))
                              .In(Ints({1}, {0}))
                              .In(Ints({1}, {0}))),
               Error);
}

TEST(Scatter, BecomesScatterElements) {
  const OpExample old = OpExample("Scatter", "")
                            .In(Floats({2, 2}, {1, 2, 3, 4}))
                            .In(Ints({1, 2}, {1, 0}))
                            .In(Floats({1, 2}, {8, 9}));
  const Graph graph = UpgradedGraph(old, 9);
  EXPECT_EQ(graph.node(graph.order().front()).op_type, "ScatterElements");
  EXPECT_THAT(RunUpgraded(old, 9).ToFloats(), ElementsAre(1, 9, 8, 4));
}

TEST(ScatterNd, WritesWholeSlices) {
  EXPECT_THAT(FloatsOf(OpExample("ScatterND", "")
                           .In(Floats({3, 2}, {1, 2, 3, 4, 5, 6}))
                           .In(Ints({2, 1}, {2, 0}))
                           .In(Floats({2, 2}, {7, 8, 9, 10}))),
              ElementsAre(9, 10, 3, 4, 7, 8));
}

TEST(ScatterNd, UpdatesMustHaveTheShapeOfTheSlices) {
  EXPECT_THROW(RunExample(OpExample("ScatterND", "")
                              .In(Ramp({3, 2}))
                              .In(Ints({2, 1}, {2, 0}))
                              .In(Ramp({2, 1}))),
               Error);
}

TEST(ScatterNd, MovesStoredIntegersWhereAllShareParameters) {
  const Graph graph = GraphOf(Slices("rows"));
  const Target target;
  const QuantSpec spec =
      FindOp("ScatterND")
          ->quantize({graph, graph.node(graph.order().front()), target});
  EXPECT_THAT(spec.same, ElementsAre(std::pair(0, 0), std::pair(2, 0)));
  EXPECT_EQ(spec.inputs[1].role, Role::kFloat);
}

OpExample CacheWrite(std::vector<int64_t> starts) {
  return OpExample("TensorScatter", "")
      .In(Floats({2, 3, 1}, {1, 2, 3, 4, 5, 6}))
      .In(Floats({2, 2, 1}, {10, 20, 30, 40}))
      .In(Ints({2}, std::move(starts)));
}

TEST(TensorScatter, EachSampleHasItsOwnStart) {
  EXPECT_THAT(FloatsOf(CacheWrite({1, 0})), ElementsAre(1, 10, 20, 30, 40, 6));
}

TEST(TensorScatter, CircularWritesGoOnAtTheStart) {
  EXPECT_THAT(FloatsOf(CacheWrite({2, 4}).Set("mode", std::string("circular"))),
              ElementsAre(20, 2, 10, 4, 30, 40));
}

TEST(TensorScatter, LinearWritesMustFit) {
  EXPECT_THROW(RunExample(CacheWrite({2, 0})), Error);
  EXPECT_THROW(RunExample(CacheWrite({-1, 0})), Error);
  EXPECT_THROW(RunExample(CacheWrite({0})), Error);
  EXPECT_THROW(RunExample(CacheWrite({0, 0}).Set("axis", int64_t{0})), Error);
}

}  // namespace
}  // namespace squint
