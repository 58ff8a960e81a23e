#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/example_graphs.h"
#include "squint/interchange/interchange.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Graph Dynamic(std::string_view op_type, Tensor stored, QuantParams params,
              Attributes attributes = {}, bool bias = false) {
  const bool is_conv = op_type == "Conv";
  Graph graph =
      is_conv ? GraphWithInput("x", {1, 2, 4, 4}) : GraphWithInput("x", {3, 2});
  const ValueId x = EmitFloat(graph, "Relu", {graph.inputs()[0]}, "h", {3, 2});
  QuantParams dynamic;
  dynamic.dtype = DType::kUint8;
  dynamic.kind = QuantKind::kDynamicTensor;
  graph.value(x).quant = dynamic;
  std::vector<ValueId> inputs = {
      x, AddQuantizedConstant(graph, "w", std::move(stored), params)};
  if (bias) {
    inputs.push_back(graph.AddConstant("b", Tensor(DType::kFloat32, {5})));
  }
  graph.AddOutput(EmitFloat(graph, op_type, inputs, "y", {3, 5}, attributes));
  return graph;
}

const std::vector<float> kFiveScales(5, 0.5f);

TEST(LayOut, DynamicMatMulIsThePatternThatFuses) {
  const Graph laid =
      LayOutQuantization(Dynamic("MatMul", CountingInt8({2, 5}),
                                 PerChannel(DType::kInt8, 1, kFiveScales)));
  EXPECT_EQ(OpsOf(laid),
            "Relu DynamicQuantizeLinear MatMulInteger Cast Mul Mul");
  EXPECT_EQ(laid.value(laid.outputs()[0]).name, "y");
  const Node& product = NodeOf(laid, "MatMulInteger");
  EXPECT_EQ(InputName(laid, product, 1), "w_quantized");
  EXPECT_EQ(laid.value(product.input(3)).constant.rank(), 0);
}

TEST(LayOut, DynamicGemmTransposesItsWeightsAndAddsItsBias) {
  const Graph laid = LayOutQuantization(Dynamic(
      "Gemm", CountingInt8({5, 2}), PerChannel(DType::kInt8, 0, kFiveScales),
      {{"transB", int64_t{1}}}, true));
  EXPECT_EQ(OpsOf(laid),
            "Relu DynamicQuantizeLinear MatMulInteger Cast Mul Mul Add");
  const Tensor& w = laid.value(NodeOf(laid, "MatMulInteger").input(1)).constant;
  EXPECT_EQ(w.dims(), (Dims{2, 5}));
  EXPECT_THAT(w.ToInts(), ElementsAre(0, 2, 4, 6, 8, 1, 3, 5, 7, 9));
}

TEST(LayOut, DynamicConvTakesUnsignedWeights) {
  const Graph laid = LayOutQuantization(
      Dynamic("Conv", CountingInt8({5, 2, 1, 1}),
              PerChannel(DType::kInt8, 0, kFiveScales), {}, true));
  EXPECT_EQ(OpsOf(laid),
            "Relu DynamicQuantizeLinear ConvInteger Cast Mul Mul Reshape Add");
  const Node& product = NodeOf(laid, "ConvInteger");
  const Tensor& w = laid.value(product.input(1)).constant;
  EXPECT_EQ(w.dtype(), DType::kUint8);
  EXPECT_EQ(w.data<uint8_t>()[3], 131);
  EXPECT_THAT(laid.value(product.input(3)).constant.ToInts(), ElementsAre(128));
}

TEST(LayOut, OtherReadersOfADynamicValueGetItDequantized) {
  Graph graph =
      Dynamic("MatMul", CountingInt8({2, 5}), PerTensor(DType::kInt8, 0.5f, 0));
  graph.AddOutput(
      EmitFloat(graph, "Sigmoid", {graph.FindValue("h")}, "z", {3, 2}));
  EXPECT_EQ(OpsOf(LayOutQuantization(graph)),
            "Relu DynamicQuantizeLinear MatMulInteger Cast Mul Mul "
            "DequantizeLinear Sigmoid");
}

TEST(LayOut, RowwiseDynamicCannotBeWritten) {
  Graph graph =
      Dynamic("MatMul", CountingInt8({2, 5}), PerTensor(DType::kInt8, 0.5f, 0));
  graph.value(graph.FindValue("h")).quant->kind = QuantKind::kDynamicRow;
  try {
    LayOutQuantization(graph);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("'h'"));
  }
}

}  // namespace
}  // namespace squint
