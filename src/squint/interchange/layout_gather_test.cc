#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/example_graphs.h"
#include "squint/interchange/interchange.h"

namespace squint {
namespace {

Graph Lookup(Tensor stored, QuantParams params, int64_t axis = 0) {
  Graph graph;
  graph.opset[""] = 25;
  const ValueId i = graph.AddInput("i", DType::kInt64, Shape::Of({2}));
  const ValueId t =
      AddQuantizedConstant(graph, "t", std::move(stored), std::move(params));
  graph.AddOutput(
      EmitFloat(graph, "Gather", {t, i}, "y", {2, 16}, {{"axis", axis}}));
  return graph;
}

TEST(LayOut, PerTensorTableIsGatheredAsIntegers) {
  const Graph laid = LayOutQuantization(
      Lookup(CountingInt8({5, 16}), PerTensor(DType::kInt8, 0.5f, 1)));
  EXPECT_EQ(OpsOf(laid), "Gather DequantizeLinear");
  EXPECT_EQ(InputName(laid, NodeOf(laid, "Gather"), 0), "t_quantized");
}

TEST(LayOut, PerColumnTableCountsItsAxisFromTheEnd) {
  const std::vector<float> scales(16, 0.5f);
  const Graph laid = LayOutQuantization(
      Lookup(CountingInt8({5, 16}), PerChannel(DType::kInt8, 1, scales)));
  EXPECT_EQ(OpsOf(laid), "Gather DequantizeLinear");
  EXPECT_EQ(NodeOf(laid, "DequantizeLinear").Int("axis", 0), -1);
}

TEST(LayOut, PerRowTableGathersItsScalesToo) {
  const std::vector<float> scales(5, 0.5f);
  const Graph laid = LayOutQuantization(
      Lookup(CountingInt8({5, 16}), PerChannel(DType::kInt8, 0, scales)));
  EXPECT_EQ(OpsOf(laid), "Gather Gather Gather DequantizeLinear");
  const Node& dequantize = NodeOf(laid, "DequantizeLinear");
  EXPECT_EQ(dequantize.Int("axis", 0), -1);
  EXPECT_EQ(dequantize.Int("block_size", 0), 16);
}

QuantParams Int4Rows(int64_t block) {
  QuantParams params;
  params.dtype = DType::kInt4;
  params.axis = 1;
  params.block = block;
  params.scale = Tensor(DType::kFloat32, {5, 32 / block});
  return params;
}

TEST(LayOut, Int4TableIsAGatherBlockQuantized) {
  const Graph laid =
      LayOutQuantization(Lookup(Tensor(DType::kInt4, {5, 32}), Int4Rows(16)));
  EXPECT_EQ(OpsOf(laid), "GatherBlockQuantized");
  const Node& node = NodeOf(laid, "GatherBlockQuantized");
  EXPECT_EQ(node.domain, "com.microsoft");
  EXPECT_EQ(node.Int("quantize_axis", -9), 1);
  EXPECT_EQ(node.Int("block_size", -9), 16);
  EXPECT_EQ(node.inputs.size(), 4u);
}

TEST(LayOut, Int4TableInBlocksThatItsOperatorLacksIsDequantizedFirst) {
  EXPECT_EQ(OpsOf(LayOutQuantization(
                Lookup(Tensor(DType::kInt4, {5, 32}), Int4Rows(8)))),
            "DequantizeLinear Gather");
}

TEST(LayOut, TiedWeightsAreStoredOnce) {
  Graph graph = Lookup(CountingInt8({5, 16}), PerTensor(DType::kInt8, 0.5f, 0));
  const ValueId table = graph.FindValue("t");
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({1, 5}));
  graph.AddOutput(EmitFloat(graph, "MatMul", {x, table}, "z", {1, 16}));
  const Graph laid = LayOutQuantization(graph);
  int tables = 0;
  for (ValueId id = 0; id < laid.num_values(); ++id) {
    tables += laid.value(id).constant.size() == 80;
  }
  EXPECT_EQ(tables, 1);
  EXPECT_EQ(CountOps(laid, "DequantizeLinear"), 2);
}

}  // namespace
}  // namespace squint
