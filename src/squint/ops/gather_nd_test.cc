#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_gather_nd() {
  return {
      OpExample("GatherND", "single elements")
          .In(Ramp({2, 3}))
          .Const(Ints({2, 2}, {0, 2, -1, 0}))
          .FixedSizes(),
      OpExample("GatherND", "rows")
          .In(Ramp({4, 3}))
          .In(Ints({2, 2, 1}, {0, 3, -1, 1}))
          .FixedSizes(),
      OpExample("GatherND", "below a batch axis")
          .In(Ramp({3, 2, 4}))
          .In(Ints({3, 1}, {1, 0, -1}))
          .Set("batch_dims", int64_t{1}),
  };
}

namespace {

using testing::ElementsAre;

OpExample Gathered(Dims dims, std::vector<int64_t> indices) {
  return OpExample("GatherND", "")
      .In(Floats({2, 2, 2}, {0, 1, 2, 3, 4, 5, 6, 7}))
      .In(Ints(std::move(dims), std::move(indices)));
}

TEST(GatherNd, ATupleTakesTheSliceBelowIt) {
  const Tensor y = RunExample(Gathered({2, 1, 2}, {0, 1, 1, 0}))[0];
  EXPECT_EQ(y.dims(), (Dims{2, 1, 2}));
  EXPECT_THAT(y.ToFloats(), ElementsAre(2, 3, 4, 5));
}

TEST(GatherNd, AFullTupleTakesOneElement) {
  const Tensor y = RunExample(Gathered({2, 3}, {0, 0, 1, -1, 1, 0}))[0];
  EXPECT_EQ(y.dims(), Dims{2});
  EXPECT_THAT(y.ToFloats(), ElementsAre(1, 6));
}

TEST(GatherNd, BatchAxesAreWalkedTogether) {
  const Tensor y =
      RunExample(Gathered({2, 1}, {1, 0}).Set("batch_dims", int64_t{1}))[0];
  EXPECT_EQ(y.dims(), (Dims{2, 2}));
  EXPECT_THAT(y.ToFloats(), ElementsAre(2, 3, 4, 5));
}

TEST(GatherNd, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RunExample(Gathered({1, 1}, {2})), Error);
  EXPECT_THROW(RunExample(Gathered({1, 1}, {-3})), Error);
  EXPECT_THROW(RunExample(Gathered({1, 4}, {0, 0, 0, 0})), Error);
  EXPECT_THROW(RunExample(Gathered({1, 0}, {})), Error);
  for (const int64_t batch_dims : {-1, 2}) {
    EXPECT_THROW(
        RunExample(Gathered({2, 1}, {0, 0}).Set("batch_dims", batch_dims)),
        Error);
  }
  EXPECT_THROW(RunExample(Gathered({1, 1}, {0}).Set("batch_dims", int64_t{1})),
               Error);
}

TEST(GatherNd, TuplesOfUnknownSizeLeaveTheRankOpen) {
  Graph graph;
  const ValueId data = graph.AddInput("x", DType::kFloat32, Shape::Of({2, 3}));
  const ValueId indices =
      graph.AddInput("i", DType::kInt64, Shape({Dim(4), Dim::Symbol("n")}));
  const ValueId y = graph.Emit("GatherND", {data, indices}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).dtype, DType::kFloat32);
  EXPECT_FALSE(graph.value(y).shape.has_rank());
}

}  // namespace
}  // namespace squint
