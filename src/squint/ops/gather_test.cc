#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

Tensor Uint4(Dims dims, std::vector<float> values) {
  return Floats(std::move(dims), std::move(values)).CastTo(DType::kUint4);
}

// Two rows of four, blocks of two... the smallest block is 16 in files, the
// arithmetic is the same.
OpExample BlockGather(Tensor table) {
  return OpExample("GatherBlockQuantized", "uint4", "com.microsoft")
      .Const(std::move(table))
      .In(Ints({1, 2}, {1, 0}))
      .Const(Floats({2, 2}, {1, 10, 0.5f, 2}))
      .Set("block_size", int64_t{2});
}

}  // namespace

std::vector<OpExample> Examples_gather() {
  return {
      OpExample("Gather", "rows of a table")
          .Const(Ramp({5, 3}))
          .In(Ints({2, 2}, {0, 4, -1, 2})),
      OpExample("Gather", "computed data, last axis")
          .In(Ramp({2, 4}))
          .Const(Ints({3}, {3, 0, 0}))
          .Set("axis", int64_t{-1}),
      OpExample("Gather", "one index")
          .In(Ramp({2, 4, 3}))
          .Const(Ints({}, {1}))
          .Set("axis", int64_t{1}),
      OpExample("GatherElements", "")
          .In(Ramp({3, 3}))
          .Const(Ints({2, 3}, {1, 2, 0, -1, 0, 0}))
          .FixedSizes(),
      BlockGather(Uint4({2, 4}, {0, 1, 2, 3, 4, 5, 6, 15})),
  };
}

namespace {

using testing::ElementsAre;

TEST(Gather, IndicesOutsideAreAnError) {
  for (const int64_t index : {3, -4}) {
    EXPECT_THROW(
        RunExample(OpExample("Gather", "").In(Ramp({3})).In(Ints({}, {index}))),
        Error);
  }
}

TEST(Gather, TheIndicesTakeTheAxisPlace) {
  const Tensor y = RunExample(OpExample("Gather", "")
                                  .In(Floats({2, 2}, {1, 2, 3, 4}))
                                  .In(Ints({1, 3}, {1, 0, 1}))
                                  .Set("axis", int64_t{1}))[0];
  EXPECT_EQ(y.dims(), (Dims{2, 1, 3}));
  EXPECT_THAT(y.ToFloats(), ElementsAre(2, 1, 2, 4, 3, 4));
}

TEST(Gather, AConstantTableIsAWeightWithOneScalePerRow) {
  const Graph graph = GraphOf(Examples_gather()[0]);
  const Target target;
  const QuantSpec spec = FindOp("Gather")->quantize(
      {graph, graph.node(graph.order().front()), target});
  EXPECT_EQ(spec.inputs[0].role, Role::kWeight);
  EXPECT_EQ(spec.inputs[0].axis, 0);
  EXPECT_EQ(spec.outputs[0].role, Role::kFloat);
  EXPECT_TRUE(spec.same.empty());
}

TEST(Gather, ComputedDataAreMoved) {
  const Graph graph = GraphOf(Examples_gather()[1]);
  const Target target;
  const QuantSpec spec = FindOp("Gather")->quantize(
      {graph, graph.node(graph.order().front()), target});
  EXPECT_EQ(spec.inputs[0].role, Role::kActivation);
  EXPECT_EQ(spec.inputs[1].role, Role::kFloat);
  EXPECT_THAT(spec.same, ElementsAre(std::pair(0, 0)));
}

TEST(GatherElements, TakesTheIndexAlongItsAxisOnly) {
  EXPECT_THAT(FloatsOf(OpExample("GatherElements", "")
                           .In(Floats({2, 2}, {1, 2, 3, 4}))
                           .In(Ints({2, 2}, {0, 0, 1, 0}))
                           .Set("axis", int64_t{1})),
              ElementsAre(1, 1, 4, 3));
}

TEST(GatherBlockQuantized, ScalesEachBlock) {
  const Tensor table = Uint4({2, 4}, {0, 1, 2, 3, 4, 5, 6, 15});
  EXPECT_THAT(FloatsOf(BlockGather(table)),
              ElementsAre(2, 2.5f, 12, 30, 0, 1, 20, 30));
}

TEST(GatherBlockQuantized, BytesHoldTwoCentredNumbers) {
  // 0x98: low nibble 8, high nibble 9.
  const Tensor table = Tensor::Of<uint8_t>({2, 2}, {0x98, 0x80, 0xf0, 0x88});
  EXPECT_THAT(FloatsOf(BlockGather(table)),
              ElementsAre(-4, 3.5f, 0, 0, 0, 1, -80, 0));
}

TEST(GatherBlockQuantized, ZeroPointsAreSubtracted) {
  const Tensor table = Uint4({2, 4}, {0, 1, 2, 3, 4, 5, 6, 15});
  EXPECT_THAT(FloatsOf(BlockGather(table).Const(Uint4({2, 2}, {1, 0, 4, 15}))),
              ElementsAre(0, 0.5f, -18, 0, -1, 0, 20, 30));
}

TEST(Gather, NeedsAnAxis) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({}));
  const ValueId i = graph.AddInput("i", DType::kInt64, Shape::Of({1}));
  graph.AddOutput(graph.Emit("Gather", {x, i}, "y"));
  EXPECT_THROW(InferShapes(graph), Error);
}

}  // namespace
}  // namespace squint
