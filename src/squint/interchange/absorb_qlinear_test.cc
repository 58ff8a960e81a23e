#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq_builder.h"
#include "squint/interchange/qdq_graphs.h"

namespace squint {
namespace {

Graph Absorbed(const std::vector<QuantizedExample>& examples,
               std::string_view what) {
  for (const QuantizedExample& example : examples) {
    if (example.what != what) continue;
    Graph graph = example.graph;
    Absorb(graph);
    return graph;
  }
  Fail(ErrorCode::kInternal, "no example '{}'", what);
}

TEST(AbsorbQLinear, ANetworkIsTheFloatNetworkWithParameters) {
  const Graph graph = Absorbed(QOperatorExamples(), "residual network, int8");
  EXPECT_EQ(OpsOf(graph),
            "Conv MaxPool Conv Add GlobalAveragePool Flatten Gemm");
  for (const NodeId id : graph.order()) {
    const Value& result = graph.value(graph.node(id).output());
    EXPECT_TRUE(result.quant) << result.name;
    EXPECT_EQ(result.dtype, DType::kFloat32) << result.name;
  }
}

TEST(AbsorbQLinear, TheBiasHasTheStepsOfTheProducts) {
  const Graph graph =
      Absorbed(QOperatorExamples(), "QLinearConv uint8, axis 0, bias true");
  const Node& conv = NodeOf(graph, "Conv");
  const auto params = [&](size_t i) {
    return *graph.value(conv.input(i)).quant;
  };
  EXPECT_EQ(params(2).dtype, DType::kInt32);
  for (const int64_t c : {0, 3}) {
    EXPECT_EQ(params(2).scale_at(c),
              params(0).scale_at() * params(1).scale_at(c));
  }
}

TEST(AbsorbQLinear, KeepsTheNamesOfNodeAndTensor) {
  QdqBuilder b;
  const auto triple = [&](ValueId integers) {
    return std::vector<ValueId>{integers, b.Scalar(0.02f),
                                b.One(DType::kUint8, 128)};
  };
  std::vector<ValueId> inputs = triple(b.Quantize(b.Input({2, 3})));
  inputs.insert(inputs.end(), inputs.begin(), inputs.end());
  inputs.push_back(b.Scalar(0.04f));
  const ValueId y = b.Op("QLinearAdd", inputs, {}, "com.microsoft");
  b.graph.node(b.graph.value(y).producer).name = "sum";
  b.graph.node(b.graph.value(y).producer).user_names = {"sum"};
  b.graph.Rename(y, "total_quantized");
  b.params = {DType::kUint8, 0.04f, 0};
  Graph graph = b.Finish({b.Op("Relu", {b.Dequantize(y)})});
  Absorb(graph);
  const Node& add = NodeOf(graph, "Add");
  EXPECT_EQ(add.name, "sum");
  EXPECT_EQ(add.user_names, std::vector<std::string>{"sum"});
  EXPECT_EQ(graph.value(add.output()).name, "total");
}

TEST(AbsorbQLinear, IntegersThatAreAnOutputLeaveTheirParametersBehind) {
  const Graph graph = Absorbed(QOperatorExamples(), "integer input and output");
  EXPECT_EQ(OpsOf(graph), "DequantizeLinear Conv QuantizeLinear");
  EXPECT_TRUE(graph.value(NodeOf(graph, "Conv").output()).quant);
}

TEST(AbsorbMovement, ClipsThatClipNothingGo) {
  const Graph all = Absorbed(QdqExamples(), "integers clipped to -128, 127");
  EXPECT_EQ(OpsOf(all), "MatMul Add");
  const Graph narrow = Absorbed(QdqExamples(), "integers clipped to -8, 7");
  EXPECT_EQ(OpsOf(narrow), "Clip Clip MatMul Add Clip");
}

TEST(AbsorbDynamic, ManyProductsShareOneRounding) {
  const Graph graph =
      Absorbed(RunTimeScaleExamples(), "dynamic, several readers");
  EXPECT_EQ(OpsOf(graph), "Relu Requantize MatMul MatMul Identity Add Add");
  const auto& rounded = graph.value(NodeOf(graph, "Requantize").output()).quant;
  ASSERT_TRUE(rounded);
  EXPECT_EQ(rounded->kind, QuantKind::kDynamicTensor);
}

TEST(AbsorbNBits, IsAMatrixInBlocks) {
  const Graph graph =
      Absorbed(RunTimeScaleExamples(), "MatMulNBits of 4 bits, bias true");
  EXPECT_EQ(OpsOf(graph), "MatMul Add");
  const Value& w = graph.value(NodeOf(graph, "MatMul").input(1));
  EXPECT_EQ(w.quant->dtype, DType::kUint4);
  EXPECT_EQ(w.quant->axis, 0);
  EXPECT_EQ(w.quant->block, 16);
}

}  // namespace
}  // namespace squint
