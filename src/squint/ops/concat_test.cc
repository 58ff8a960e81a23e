#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_concat() {
  const auto axis = [](int64_t value) { return Attribute(value); };
  return {
      OpExample("Concat", "channels, other ranges")
          .In(Ramp({2, 3, 2}, -1, 1))
          .In(Ramp({2, 1, 2}, 0, 4, 2))
          .Set("axis", axis(1)),
      OpExample("Concat", "last of three")
          .In(Ramp({2, 1}))
          .In(Ramp({2, 0}, -1, 1, 2))
          .In(Ramp({2, 3}, -1, 1, 3))
          .Set("axis", axis(-1)),
      OpExample("Concat", "batch")
          .In(Ramp({2, 3}))
          .In(Ramp({2, 3}))
          .Set("axis", axis(0))
          .FixedSizes(),
      OpExample("Split", "sizes")
          .In(Ramp({2, 6}))
          .Const(Ints({3}, {1, 0, 5}))
          .Set("axis", axis(1))
          .Outputs(3),
      OpExample("Split", "uneven chunks")
          .In(Ramp({2, 7}))
          .Set("axis", axis(-1))
          .Set("num_outputs", int64_t{3})
          .Outputs(3),
  };
}

namespace {

using testing::ElementsAre;

TEST(Concat, InterleavesRowsOfItsInputs) {
  EXPECT_THAT(FloatsOf(OpExample("Concat", "")
                           .In(Floats({2, 1}, {1, 2}))
                           .In(Floats({2, 2}, {3, 4, 5, 6}))
                           .Set("axis", int64_t{1})),
              ElementsAre(1, 3, 4, 2, 5, 6));
}

TEST(Concat, RefusesPartsThatDoNotFit) {
  const OpExample example = OpExample("Concat", "")
                                .In(Ramp({2, 1}))
                                .In(Ramp({3, 1}))
                                .Set("axis", int64_t{1});
  EXPECT_THROW(RunExample(example), Error);
  Graph graph = GraphOf(example);
  EXPECT_THROW(InferShapes(graph), Error);
}

TEST(Concat, SymbolsAreAdded) {
  Graph graph;
  const Dim n = Dim::Symbol("N");
  const ValueId a = graph.AddInput("a", DType::kFloat32, Shape({n, 3}));
  const ValueId b =
      graph.AddInput("b", DType::kFloat32, Shape({n, Dim::Symbol("K")}));
  const ValueId y =
      graph.Emit("Concat", {a, b, a}, "y", {{"axis", int64_t{1}}});
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[N,K+6]");
}

// Parts with the output's parameters are copied, others requantized.
TEST(Concat, RequantizesOnlyThePartsThatDiffer) {
  const QuantParams same = PerTensor(DType::kUint8, 0.5f, 10);
  const QuantParams fine = PerTensor(DType::kUint8, 0.25f, 0);
  const Graph graph = GraphOf(OpExample("Concat", "")
                                  .In(Ramp({1}))
                                  .In(Ramp({1}))
                                  .Set("axis", int64_t{0}));
  const Tensor a = Tensor::Of<uint8_t>({2}, {7, 255});
  const Tensor b = Tensor::Of<uint8_t>({3}, {1, 2, 255});
  RunContext context{
      graph.node(graph.order().front()), {&a, &b}, {}, {&same, &fine}, {&same}};
  context.outputs.resize(1);
  FindOp("Concat")->integer_reference(context);
  // 0.25 is half a step: to the even neighbour 0; 63.75 is 127.5 steps.
  EXPECT_THAT(context.outputs[0].ToInts(), ElementsAre(7, 255, 10, 11, 138));
}

TEST(Split, PartsMustCoverTheAxis) {
  EXPECT_THROW(RunExample(OpExample("Split", "")
                              .In(Ramp({5}))
                              .Const(Ints({2}, {2, 2}))
                              .Outputs(2)),
               Error);
  EXPECT_THROW(RunExample(OpExample("Split", "")
                              .In(Ramp({5}))
                              .Const(Ints({2}, {2, 4}))
                              .Outputs(2)),
               Error);
}

TEST(Split, OldFormsAreUpgraded) {
  const OpExample sizes = OpExample("Split", "")
                              .In(Floats({3}, {1, 2, 3}))
                              .Set("split", std::vector<int64_t>{2, 1})
                              .Outputs(2);
  EXPECT_THAT(RunUpgraded(sizes, 11).ToFloats(), ElementsAre(1, 2));
  const Graph equal =
      UpgradedGraph(OpExample("Split", "").In(Ramp({4})).Outputs(2), 13);
  EXPECT_EQ(equal.node(equal.order().front()).Int("num_outputs", 0), 2);
}

}  // namespace
}  // namespace squint
