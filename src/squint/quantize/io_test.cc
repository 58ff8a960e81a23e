#include "squint/quantize/io.h"

#include <gtest/gtest.h>

#include "squint/ops/interpreter.h"

namespace squint {
namespace {

TEST(Io, IntegersInAndOutGiveTheSameNumbers) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({4}));
  const ValueId y = graph.Emit("Relu", {x}, "y");
  graph.value(y).dtype = DType::kFloat32;
  graph.value(x).quant = PerTensor(DType::kUint8, 0.5f, 128);
  graph.value(y).quant = PerTensor(DType::kUint8, 0.25f, 0);
  graph.AddOutput(y);
  const auto real = Tensor::Of<float>({4}, {-1, 0, 1, 2});
  const std::vector<Tensor> before = Interpret(graph, {real});

  QuantizeInputsAndOutputs(graph, DType::kInt8);
  VerifyGraph(graph);
  EXPECT_EQ(graph.value(graph.inputs()[0]).name, "x");
  EXPECT_EQ(graph.value(graph.inputs()[0]).dtype, DType::kInt8);
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y");
  EXPECT_EQ(graph.metadata.at("squint.io.x"), "scale=0.5 zero_point=0");
  const auto q = Tensor::Of<int8_t>({4}, {-2, 0, 2, 4});
  const std::vector<Tensor> after = Interpret(graph, {q});
  for (int i = 0; i < 4; ++i) {
    // y's zero point 0 of uint8 is -128 of int8, its scale 0.25.
    EXPECT_EQ((after[0].data<int8_t>()[i] + 128) * 0.25f,
              before[0].data<float>()[i]);
  }
}

TEST(Io, LeavesUnquantizedAndIntegerTensorsAlone) {
  Graph graph;
  const ValueId ids = graph.AddInput("ids", DType::kInt64, Shape::Of({4}));
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({4}));
  graph.AddOutput(graph.Emit("Relu", {x}, "y"));
  QuantizeInputsAndOutputs(graph, DType::kUint8);
  EXPECT_EQ(graph.inputs(), (std::vector<ValueId>{ids, x}));
  EXPECT_EQ(graph.value(x).dtype, DType::kFloat32);
}

}  // namespace
}  // namespace squint
