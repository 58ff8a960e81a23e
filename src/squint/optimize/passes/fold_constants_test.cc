#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class FoldConstantsTest : public PassTest {
 protected:
  Tensor Random1024() { return graph.value(Random("values", {1024})).constant; }
};

TEST_F(FoldConstantsTest, ComputesAChainOfConstants) {
  const ValueId x = Input("x", {1, 4});
  const ValueId weight = Random("w", {2, 2, 3});
  const ValueId shape = Ints("shape", {4, 3});
  const ValueId reshaped = Node("Reshape", {weight, shape}, "w2");
  const ValueId scaled = Node("Mul", {reshaped, Random("s", {3})}, "w2_scaled");
  Output(Node("MatMul", {x, scaled}, "y"));
  EXPECT_EQ(RunPass("fold-constants", 0.0f).changes, 2);
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_TRUE(graph.value(graph.FindValue("w2_scaled")).is_constant());
}

TEST_F(FoldConstantsTest, TransposesAVeryLargeWeightWhenItIsRead) {
  const ValueId x = Input("x", {1, 2049});
  const ValueId turned =
      Node("Transpose", {Random("w", {2048, 2049})}, "turned");
  Output(Node("MatMul", {x, turned}, "y"));
  EXPECT_EQ(RunPass("fold-constants", 0.0f).changes, 1);
  const Tensor& weight = graph.value(graph.FindValue("turned")).constant;
  EXPECT_EQ(weight.dims(), Dims({2049, 2048}));
  EXPECT_TRUE(weight.buffer()->is_computed());
}

TEST_F(FoldConstantsTest, LeavesANodeThatReadsAnInput) {
  const ValueId x = Input("x", {3});
  Output(Node("Relu", {Node("Add", {x, Random("c", {3})}, "sum")}, "y"));
  EXPECT_EQ(RunPass("fold-constants").changes, 0);
}

TEST_F(FoldConstantsTest, AnInitializerThatCallersMayOverrideIsNoConstant) {
  const ValueId x = Input("x", {3});
  graph.value(x).constant = Tensor::Of<float>({3}, {1.0f, -2.0f, 3.0f});
  Output(Node("Sigmoid", {Node("Relu", {x}, "r")}, "y"));
  EXPECT_EQ(RunPass("fold-constants").changes, 0);
}

TEST_F(FoldConstantsTest, KeepsANodeThatMakesAGraphOutput) {
  Output(Node("Relu", {Random("c", {3})}, "y"));
  EXPECT_EQ(RunPass("fold-constants").changes, 0);
}

TEST_F(FoldConstantsTest, ComputesTheWeightOfAProductWhateverItsSize) {
  const ValueId x = Input("x", {1, 256});
  const ValueId weight =
      Node("Expand", {Random("c", {1, 64}), Ints("shape", {256, 64})}, "w");
  Output(Node("MatMul", {x, weight}, "y"));
  EXPECT_EQ(RunPass("fold-constants", 0.0f).changes, 1);
  EXPECT_TRUE(graph.value(graph.FindValue("w")).is_constant());
}

TEST_F(FoldConstantsTest, DoesNotGrowTheFileBeyondTwiceTheInputs) {
  const ValueId x = Input("x", {256, 2});
  const ValueId small = Random("c", {1, 2});
  // 256 x 2 floats are 2 KB, made of 8 bytes and a shape of 16.
  const ValueId large =
      Node("Expand", {small, Ints("shape", {256, 2})}, "large");
  Output(Node("Add", {x, large}, "y"));
  EXPECT_EQ(RunPass("fold-constants").changes, 0);
}

TEST_F(FoldConstantsTest, ExpandsUpToOneKilobyte) {
  const ValueId x = Input("x", {128, 2});
  const ValueId large =
      Node("Expand", {Random("c", {1, 2}), Ints("shape", {128, 2})}, "large");
  Output(Node("Add", {x, large}, "y"));
  EXPECT_EQ(RunPass("fold-constants", 0.0f).changes, 1);
}

TEST_F(FoldConstantsTest, ObeysTheLimitOnWhatGrows) {
  const ValueId x = Input("x", {1024});
  const ValueId stored =
      graph.AddConstant("half", Random1024().CastTo(DType::kFloat16));
  Output(
      Node("Add", {x, Node("Cast", {stored}, "c", {{"to", int64_t{1}}})}, "y"));
  Graph copy = graph;
  Optimize(copy, {.disabled = {}, .fold_limit = 4095});
  EXPECT_EQ(copy.order().size(), 2u);
  Optimize(copy, {.disabled = {}, .fold_limit = 4096});
  EXPECT_EQ(copy.order().size(), 1u);
}

TEST_F(FoldConstantsTest, WhatIsNoLargerThanItsInputsAlwaysFolds) {
  const ValueId x = Input("x", {1024});
  Output(Node("Add", {x, Node("Relu", {Random("c", {1024})}, "r")}, "y"));
  Optimize(graph, {.disabled = {}, .fold_limit = 0});
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(FoldConstantsTest, ProductsOfLargeConstantsStay) {
  const ValueId x = Input("x", {1, 8});
  const ValueId large = Random("a", {8, 32769});
  const ValueId small = Random("b", {32769, 8});
  Output(Node("Add", {x, Node("MatMul", {large, small}, "ab")}, "y"));
  EXPECT_EQ(RunPass("fold-constants").changes, 0);
}

TEST_F(FoldConstantsTest, LeavesDequantizeLinearOfWeights) {
  const ValueId x = Input("x", {1, 2});
  const ValueId stored =
      graph.AddConstant("w_int8", Tensor::Of<int8_t>({2, 2}, {1, 2, 3, 4}));
  const ValueId weight = Node("DequantizeLinear", {stored, Number(0.5f)}, "w");
  Output(Node("MatMul", {x, weight}, "y"));
  Optimize(graph);
  EXPECT_EQ(Count("DequantizeLinear"), 1);
}

}  // namespace
}  // namespace squint
