#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/example_graphs.h"
#include "squint/interchange/interchange.h"

namespace squint {
namespace {

using testing::ElementsAre;

void ExpectNoQuantParams(const Graph& graph) {
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    EXPECT_FALSE(graph.value(id).quant) << graph.value(id).name;
  }
}

TEST(LayOut, PutsQuantizeAndDequantizeAroundAConv) {
  const Graph laid = LayOutQuantization(QuantizedConv());
  EXPECT_EQ(OpsOf(laid),
            "DequantizeLinear DequantizeLinear QuantizeLinear "
            "DequantizeLinear Conv QuantizeLinear DequantizeLinear");
  ExpectNoQuantParams(laid);
  EXPECT_EQ(laid.value(laid.inputs()[0]).name, "x");
  EXPECT_EQ(laid.value(laid.outputs()[0]).name, "y");
  EXPECT_EQ(ValueOf(laid, "w_quantized").constant.dtype(), DType::kInt8);
  EXPECT_EQ(laid.node(ValueOf(laid, "w").producer).Int("axis", -9), 0);
}

TEST(LayOut, WritesAZeroPointAlwaysButForInt32) {
  Graph graph = QuantizedConv();
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    if (graph.value(id).quant) graph.value(id).quant->zero_point = Tensor();
  }
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(laid.node(ValueOf(laid, "w").producer).inputs.size(), 3u);
  EXPECT_EQ(laid.node(ValueOf(laid, "y").producer).inputs.size(), 3u);
  EXPECT_EQ(laid.node(ValueOf(laid, "b").producer).inputs.size(), 2u);
  const Tensor& zero =
      laid.value(laid.node(ValueOf(laid, "w").producer).input(2)).constant;
  EXPECT_THAT(zero.ToInts(), ElementsAre(0, 0, 0));
}

TEST(LayOut, LeavesTheOriginalGraphAlone) {
  const Graph graph = QuantizedConv();
  const std::string before = PrintGraph(graph);
  LayOutQuantization(graph);
  EXPECT_EQ(PrintGraph(graph), before);
}

TEST(LayOut, SharesEqualScalesAndZeroPoints) {
  Graph graph = GraphWithInput("x", {4});
  ValueId last = graph.inputs()[0];
  for (const char* name : {"a", "b", "c"}) {
    last = EmitFloat(graph, "Relu", {last}, name, {4});
    graph.value(last).quant = PerTensor(DType::kInt8, 0.5f, 3);
  }
  graph.AddOutput(last);
  const Graph laid = LayOutQuantization(graph);
  int constants = 0;
  for (ValueId id = 0; id < laid.num_values(); ++id) {
    constants += laid.value(id).is_constant();
  }
  EXPECT_EQ(constants, 2);
  EXPECT_EQ(CountOps(laid, "QuantizeLinear"), 3);
}

// ONNX Runtime makes no MatMulNBits of weights with a shared scale.
TEST(LayOut, WeightsDoNotShareTheirScales) {
  Graph graph = GraphWithInput("x", {1, 2});
  ValueId last = graph.inputs()[0];
  for (const char* name : {"v", "w"}) {
    const ValueId w = AddQuantizedConstant(graph, name, CountingInt8({2, 2}),
                                           PerTensor(DType::kInt8, 0.5f, 0));
    last = EmitFloat(graph, "MatMul", {last, w}, "y", {1, 2});
  }
  graph.AddOutput(last);
  const Graph laid = LayOutQuantization(graph);
  const Node& v = laid.node(ValueOf(laid, "v").producer);
  const Node& w = laid.node(ValueOf(laid, "w").producer);
  EXPECT_NE(v.input(1), w.input(1));
}

TEST(LayOut, OneDequantizeServesAllReadersAndTheOutput) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId y = EmitFloat(graph, "Relu", {graph.inputs()[0]}, "y", {4});
  graph.value(y).quant = PerTensor(DType::kInt8, 0.5f, 3);
  const ValueId a = EmitFloat(graph, "Sigmoid", {y}, "a", {4});
  const ValueId b = EmitFloat(graph, "Relu", {y}, "b", {4});
  for (const ValueId id : {a, y, b}) graph.AddOutput(id);
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(OpsOf(laid), "Relu QuantizeLinear DequantizeLinear Sigmoid Relu");
  EXPECT_EQ(laid.value(laid.outputs()[1]).name, "y");
  EXPECT_EQ(InputName(laid, NodeOf(laid, "Sigmoid"), 0), "y");
}

TEST(LayOut, BlockedInt4WeightsKeepAxisAndBlock) {
  Graph graph = GraphWithInput("x", {1, 32});
  QuantParams params;
  params.dtype = DType::kInt4;
  params.axis = 0;
  params.block = 16;
  params.scale = Tensor(DType::kFloat32, {2, 3});
  const ValueId w =
      AddQuantizedConstant(graph, "w", Tensor(DType::kInt4, {32, 3}), params);
  graph.AddOutput(
      EmitFloat(graph, "MatMul", {graph.inputs()[0], w}, "y", {1, 3}));
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(OpsOf(laid), "DequantizeLinear MatMul");
  const Node& dequantize = NodeOf(laid, "DequantizeLinear");
  EXPECT_EQ(dequantize.Int("axis", -9), 0);
  EXPECT_EQ(dequantize.Int("block_size", -9), 16);
  EXPECT_EQ(laid.value(dequantize.input(2)).constant.dtype(), DType::kInt4);
  EXPECT_EQ(laid.value(dequantize.input(2)).constant.dims(), (Dims{2, 3}));
}

TEST(LayOut, Float16StorageIsCastBeforeUse) {
  Graph graph = GraphWithInput("x", {2});
  QuantParams params;
  params.dtype = DType::kFloat16;
  const ValueId w =
      AddQuantizedConstant(graph, "w", Tensor(DType::kFloat16, {2}), params);
  graph.AddOutput(EmitFloat(graph, "Add", {graph.inputs()[0], w}, "y", {2}));
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(OpsOf(laid), "Cast Add");
  EXPECT_EQ(NodeOf(laid, "Cast").Int("to", 0), 1);
}

TEST(LayOut, RequantizeBecomesAPairAndFloatReadersKeepReadingTheSource) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId h = EmitFloat(graph, "Relu", {graph.inputs()[0]}, "h", {4});
  const ValueId q = EmitFloat(graph, "Requantize", {h}, "q", {4}, {}, "squint");
  graph.value(q).quant = PerTensor(DType::kUint8, 0.5f, 0);
  const ValueId y = EmitFloat(graph, "Add", {h, q}, "y", {4});
  graph.AddOutput(y);
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(OpsOf(laid), "Relu QuantizeLinear DequantizeLinear Add");
  const Node& add = NodeOf(laid, "Add");
  EXPECT_EQ(InputName(laid, add, 0), "h");
  EXPECT_EQ(InputName(laid, add, 1), "q");
}

TEST(LayOut, RequantizeToFloatDisappears) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId h = EmitFloat(graph, "Relu", {graph.inputs()[0]}, "h", {4});
  graph.value(h).quant = PerTensor(DType::kUint8, 0.5f, 0);
  const ValueId r = EmitFloat(graph, "Requantize", {h}, "r", {4}, {}, "squint");
  graph.AddOutput(EmitFloat(graph, "Sigmoid", {r}, "y", {4}));
  EXPECT_EQ(OpsOf(LayOutQuantization(graph)),
            "Relu QuantizeLinear DequantizeLinear Sigmoid");
}

// --io uint8: the graph's own input is integer, its DQ a node.
TEST(LayOut, IntegerInputsAndOutputsNeedNoSecondPair) {
  Graph graph;
  graph.opset[""] = 25;
  const ValueId in = graph.AddInput("in", DType::kUint8, Shape::Of({4}));
  const ValueId scale = graph.AddConstant("s", Tensor::Scalar<float>(0.5f));
  const ValueId zero = graph.AddConstant("z", Tensor::Scalar<uint8_t>(7));
  const ValueId x =
      EmitFloat(graph, "DequantizeLinear", {in, scale, zero}, "x", {4});
  graph.value(x).quant = PerTensor(DType::kUint8, 0.5f, 7);
  const ValueId y = EmitFloat(graph, "Relu", {x}, "y", {4});
  graph.value(y).quant = PerTensor(DType::kUint8, 0.5f, 7);
  const ValueId out =
      EmitFloat(graph, "QuantizeLinear", {y, scale, zero}, "out", {4});
  graph.value(out).dtype = DType::kUint8;
  graph.AddOutput(out);
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(OpsOf(laid), "DequantizeLinear Relu QuantizeLinear");
  EXPECT_EQ(laid.value(laid.outputs()[0]).name, "out");
}

TEST(LayOut, AConstantGraphOutputIsMadeByANode) {
  Graph graph = GraphWithInput("x", {1});
  graph.AddOutput(graph.AddConstant("y", Tensor::Scalar<float>(3.0f)));
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(OpsOf(laid), "Identity");
  EXPECT_EQ(laid.value(laid.outputs()[0]).name, "y");
}

TEST(LayOut, SiluIsWrittenAsSigmoidAndMul) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId x = graph.inputs()[0];
  graph.AddOutput(EmitFloat(graph, "SiLU", {x}, "y", {4}, {}, "squint"));
  const Graph laid = LayOutQuantization(graph);
  EXPECT_EQ(OpsOf(laid), "Sigmoid Mul");
  EXPECT_EQ(laid.value(laid.outputs()[0]).name, "y");
  EXPECT_EQ(InputName(laid, NodeOf(laid, "Mul"), 0), "x");
}

TEST(LayOut, UnknownInternalNodesAreAnInternalError) {
  Graph graph = GraphWithInput("x", {4});
  graph.AddOutput(
      EmitFloat(graph, "Band", {graph.inputs()[0]}, "y", {4}, {}, "squint"));
  EXPECT_THROW(LayOutQuantization(graph), Error);
}

// ---- data movement in int8

// x -> Relu -> a -> Flatten -> b -> Reshape -> c -> Sigmoid -> y.
Graph Movement(std::string_view quantized, DType dtype) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId shape =
      graph.AddConstant("shape", Tensor::Of<int64_t>({1}, {4}));
  const ValueId a = EmitFloat(graph, "Relu", {graph.inputs()[0]}, "a", {4});
  const ValueId b = EmitFloat(graph, "Flatten", {a}, "b", {1, 4});
  const ValueId c = EmitFloat(graph, "Reshape", {b, shape}, "c", {4});
  graph.AddOutput(EmitFloat(graph, "Sigmoid", {c}, "y", {4}));
  graph.value(graph.FindValue(quantized)).quant = PerTensor(dtype, 0.5f, 0);
  return graph;
}

const char* const kPairsAllTheWay =
    "Relu QuantizeLinear DequantizeLinear Flatten QuantizeLinear "
    "DequantizeLinear Reshape QuantizeLinear DequantizeLinear Sigmoid";

TEST(LayOut, Int8IsCarriedThroughMovementForwards) {
  EXPECT_EQ(OpsOf(LayOutQuantization(Movement("a", DType::kInt8))),
            kPairsAllTheWay);
}

TEST(LayOut, Int8IsCarriedThroughMovementBackwards) {
  EXPECT_EQ(OpsOf(LayOutQuantization(Movement("c", DType::kInt8))),
            kPairsAllTheWay);
}

TEST(LayOut, Uint8IsNotForNobodyStumblesOverIt) {
  EXPECT_EQ(OpsOf(LayOutQuantization(Movement("a", DType::kUint8))),
            "Relu QuantizeLinear DequantizeLinear Flatten Reshape Sigmoid");
}

TEST(LayOut, OtherReadersOfWhatIsMovedKeepTheRealValue) {
  Graph graph = Movement("c", DType::kInt8);
  graph.AddOutput(
      EmitFloat(graph, "Sigmoid", {graph.FindValue("a")}, "z", {4}));
  const Graph laid = LayOutQuantization(graph);
  const ValueId z = laid.outputs()[1];
  EXPECT_EQ(InputName(laid, laid.node(laid.value(z).producer), 0), "a");
}

TEST(LayOut, Int8TablesCountAsInt8BeforeMovement) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId w = AddQuantizedConstant(graph, "w", CountingInt8({4, 1}),
                                         PerTensor(DType::kInt8, 0.5f, 0));
  const ValueId f = EmitFloat(graph, "Flatten", {w}, "f", {4, 1});
  graph.AddOutput(EmitFloat(graph, "Add", {graph.inputs()[0], f}, "y", {4, 4}));
  EXPECT_EQ(OpsOf(LayOutQuantization(graph)),
            "DequantizeLinear Flatten QuantizeLinear DequantizeLinear Add");
}

}  // namespace
}  // namespace squint
