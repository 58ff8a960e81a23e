#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_expand() {
  return {
      OpExample("Expand", "both ways")
          .In(Ramp({2, 1, 3}))
          .Const(Ints({2}, {4, 1})),
      OpExample("Expand", "more axes")
          .In(Ramp({2, 1}))
          .Const(Ints({3}, {3, 1, 2})),
      OpExample("Tile", "last axis").In(Ramp({2, 3})).Const(Ints({2}, {1, 2})),
      OpExample("Tile", "to nothing").In(Ramp({2, 3})).Const(Ints({2}, {1, 0})),
  };
}

namespace {

using testing::ElementsAre;

TEST(Expand, RepeatsAlongAxesOfOne) {
  EXPECT_THAT(FloatsOf(OpExample("Expand", "")
                           .In(Floats({2, 1}, {1, 2}))
                           .Const(Ints({2}, {1, 3}))),
              ElementsAre(1, 1, 1, 2, 2, 2));
  EXPECT_THROW(
      RunExample(OpExample("Expand", "").In(Ramp({2})).Const(Ints({1}, {3}))),
      Error);
}

TEST(Expand, AComputedShapeStillTellsTheRank) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape({1, 7}));
  const ValueId s = graph.AddInput("s", DType::kInt64, Shape({3}));
  const ValueId y = graph.Emit("Expand", {x, s}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[?,?,?]");
}

// Only the number of elements costs time, not how often nothing is repeated.
TEST(Tile, RepeatsNothingAnyNumberOfTimes) {
  const int64_t many = int64_t{1} << 28;
  const Tensor y = RunExample(OpExample("Tile", "")
                                  .In(Ramp({0, 1}))
                                  .Const(Ints({2}, {2, many})))[0];
  EXPECT_EQ(y.dims(), (Dims{0, many}));
  EXPECT_EQ(RunExample(OpExample("Expand", "")
                           .In(Ramp({1, 1}))
                           .Const(Ints({2}, {0, many})))[0]
                .dims(),
            (Dims{0, many}));
}

TEST(Tile, RepeatsTheWholeAxis) {
  EXPECT_THAT(FloatsOf(OpExample("Tile", "")
                           .In(Floats({1, 2}, {1, 2}))
                           .Const(Ints({2}, {2, 2}))),
              ElementsAre(1, 2, 1, 2, 1, 2, 1, 2));
  EXPECT_THROW(
      RunExample(OpExample("Tile", "").In(Ramp({2})).Const(Ints({2}, {1, 1}))),
      Error);
}

}  // namespace
}  // namespace squint
