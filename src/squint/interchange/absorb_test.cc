#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/example_graphs.h"
#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

using testing::ElementsAre;

// Q or DQ with a scalar scale and zero point.
ValueId EmitQdq(Graph& graph, std::string_view op_type, ValueId in,
                std::string_view out, float scale, uint8_t zero) {
  const ValueId s =
      graph.AddConstant(std::string(out) + "_s", Tensor::Scalar<float>(scale));
  const ValueId z =
      graph.AddConstant(std::string(out) + "_z", Tensor::Scalar<uint8_t>(zero));
  const ValueId id = EmitFloat(graph, op_type, {in, s, z}, out, {4});
  if (op_type == "QuantizeLinear") graph.value(id).dtype = DType::kUint8;
  return id;
}

// x -> Relu -> h -> Q -> q -> DQ -> d -> Relu -> y.
Graph Chain() {
  Graph graph = GraphWithInput("x", {4});
  const ValueId h = EmitFloat(graph, "Relu", {graph.inputs()[0]}, "h", {4});
  const ValueId q = EmitQdq(graph, "QuantizeLinear", h, "q", 0.5f, 7);
  const ValueId d = EmitQdq(graph, "DequantizeLinear", q, "d", 0.5f, 7);
  graph.AddOutput(EmitFloat(graph, "Relu", {d}, "y", {4}));
  return graph;
}

const Tensor kInput = Tensor::Of<float>({4}, {-2.0f, 0.3f, 1.75f, 1000.0f});

TEST(Absorb, SoleReaderPutsTheParametersOnTheValueItself) {
  Graph graph = Chain();
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Relu Relu");
  EXPECT_TRUE(ValueOf(graph, "h").quant == PerTensor(DType::kUint8, 0.5f, 7));
  EXPECT_THAT(Interpret(graph, {kInput})[0].ToFloats(),
              ElementsAre(0.0f, 0.5f, 2.0f, 124.0f));
}

TEST(Absorb, AGraphInputCarriesThem) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId q =
      EmitQdq(graph, "QuantizeLinear", graph.inputs()[0], "q", 0.5f, 7);
  const ValueId d = EmitQdq(graph, "DequantizeLinear", q, "d", 0.5f, 7);
  graph.AddOutput(EmitFloat(graph, "Relu", {d}, "y", {4}));
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Relu");
  EXPECT_TRUE(ValueOf(graph, "x").quant.has_value());
}

TEST(Absorb, OtherReadersKeepTheRealValue) {
  Graph graph = Chain();
  const ValueId h = graph.FindValue("h");
  graph.AddOutput(EmitFloat(graph, "Relu", {h}, "z", {4}));
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Relu Requantize Relu Relu");
  EXPECT_FALSE(ValueOf(graph, "h").quant);
  EXPECT_TRUE(ValueOf(graph, "d").quant);
  const auto outputs = Interpret(graph, {kInput});
  EXPECT_THAT(outputs[0].ToFloats(), ElementsAre(0.0f, 0.5f, 2.0f, 124.0f));
  EXPECT_THAT(outputs[1].ToFloats(), ElementsAre(0.0f, 0.3f, 1.75f, 1000.0f));
}

TEST(Absorb, AGraphOutputKeepsItsRealValueAndName) {
  Graph graph = Chain();
  graph.AddOutput(graph.FindValue("h"));
  Absorb(graph);
  EXPECT_FALSE(ValueOf(graph, "h").quant);
  EXPECT_THAT(Interpret(graph, {kInput})[1].ToFloats(),
              ElementsAre(0.0f, 0.3f, 1.75f, 1000.0f));
}

TEST(Absorb, ADequantizedGraphOutputKeepsItsName) {
  Graph graph = Chain();
  graph.AddOutput(graph.FindValue("d"));
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Relu Relu");
  EXPECT_EQ(graph.value(graph.outputs()[1]).name, "d");
  EXPECT_TRUE(ValueOf(graph, "d").quant);
}

TEST(Absorb, TwoDequantizedGraphOutputsKeepTheirNames) {
  Graph graph = Chain();
  const ValueId e =
      EmitQdq(graph, "DequantizeLinear", graph.FindValue("q"), "e", 0.5f, 7);
  graph.AddOutput(graph.FindValue("d"));
  graph.AddOutput(e);
  Absorb(graph);
  EXPECT_EQ(graph.value(graph.outputs()[1]).name, "d");
  EXPECT_EQ(graph.value(graph.outputs()[2]).name, "e");
  EXPECT_EQ(OpsOf(graph), "Relu Relu Identity");
  EXPECT_EQ(NodeOf(graph, "Identity").input(0), graph.outputs()[1]);
}

TEST(Absorb, SeveralDequantizesBecomeOneValue) {
  Graph graph = Chain();
  const ValueId e =
      EmitQdq(graph, "DequantizeLinear", graph.FindValue("q"), "e", 0.5f, 7);
  graph.AddOutput(EmitFloat(graph, "Sigmoid", {e}, "z", {4}));
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Relu Relu Sigmoid");
}

TEST(Absorb, OtherParametersBehindTheSameIntegersStayNodes) {
  Graph graph = Chain();
  const ValueId e =
      EmitQdq(graph, "DequantizeLinear", graph.FindValue("q"), "e", 0.25f, 7);
  graph.AddOutput(EmitFloat(graph, "Sigmoid", {e}, "z", {4}));
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph),
            "Relu QuantizeLinear DequantizeLinear Relu DequantizeLinear "
            "Sigmoid");
  // Their results are on a grid all the same.
  EXPECT_TRUE(ValueOf(graph, "d").quant == PerTensor(DType::kUint8, 0.5f, 7));
  EXPECT_TRUE(ValueOf(graph, "e").quant == PerTensor(DType::kUint8, 0.25f, 7));
}

TEST(Absorb, ScalesComputedAtRunTimeStayNodes) {
  Graph graph = Chain();
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("DequantizeLinear")) {
      const ValueId s = graph.AddInput("s", DType::kFloat32, Shape::Of({}));
      graph.ReplaceInput(id, 1, s);
    }
  }
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Relu QuantizeLinear DequantizeLinear Relu");
  EXPECT_FALSE(ValueOf(graph, "d").quant);
}

TEST(Absorb, AnAbsentZeroPointIsZero) {
  Graph graph = Chain();
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("QuantizeLinear")) graph.node(id).inputs.resize(2);
    if (graph.node(id).Is("DequantizeLinear")) {
      const ValueId z = graph.AddConstant("z0", Tensor::Of<uint8_t>({1}, {0}));
      graph.ReplaceInput(id, 2, z);
    }
  }
  Absorb(graph);
  EXPECT_TRUE(ValueOf(graph, "h").quant == PerTensor(DType::kUint8, 0.5f, 0));
}

TEST(Absorb, AConstantHoldsTheIntegersOfItsDequantize) {
  Graph graph = LayOutQuantization(QuantizedConv());
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Conv");
  const Value& w = ValueOf(graph, "w");
  EXPECT_EQ(w.dtype, DType::kFloat32);
  EXPECT_EQ(w.constant.dtype(), DType::kInt8);
  EXPECT_EQ(w.quant->axis, 0);
  const Value& b = ValueOf(graph, "b");
  EXPECT_EQ(b.constant.dtype(), DType::kInt32);
  EXPECT_TRUE(b.quant->zero_point.empty());
}

TEST(Absorb, AFloatConstantBehindQuantizeIsFolded) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId w = graph.AddConstant(
      "w", Tensor::Of<float>({4}, {0.3f, -0.3f, 0.25f, 900.0f}));
  const ValueId q = EmitQdq(graph, "QuantizeLinear", w, "q", 0.5f, 7);
  const ValueId d = EmitQdq(graph, "DequantizeLinear", q, "d", 0.5f, 7);
  graph.AddOutput(EmitFloat(graph, "Add", {graph.inputs()[0], d}, "y", {4}));
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Add");
  EXPECT_THAT(ValueOf(graph, "d").constant.ToInts(), ElementsAre(8, 6, 7, 255));
}

TEST(Absorb, OverridableInitializersAreNoConstants) {
  Graph graph = Chain();
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("QuantizeLinear")) {
      std::vector<ValueId> inputs = graph.inputs();
      inputs.push_back(graph.node(id).input(1));
      graph.SetInputs(inputs);
    }
  }
  Absorb(graph);
  EXPECT_EQ(OpsOf(graph), "Relu QuantizeLinear DequantizeLinear Relu");
}

TEST(Absorb, WalksNestedGraphs) {
  Graph outer = GraphWithInput("x", {4});
  const ValueId condition = outer.AddInput("c", DType::kBool, Shape::Of({}));
  Graph inner;
  const ValueId capture = inner.AddCapture("x");
  inner.value(capture).dtype = DType::kFloat32;
  const ValueId h = EmitFloat(inner, "Relu", {capture}, "h", {4});
  const ValueId q = EmitQdq(inner, "QuantizeLinear", h, "q", 0.5f, 7);
  inner.AddOutput(EmitQdq(inner, "DequantizeLinear", q, "d", 0.5f, 7));
  Node branch;
  branch.op_type = "If";
  branch.inputs = {condition};
  branch.captures = {outer.inputs()[0], outer.inputs()[0]};
  branch.attributes["then_branch"] = GraphBox(inner);
  branch.attributes["else_branch"] = GraphBox(inner);
  branch.outputs = {outer.AddValue("y", DType::kFloat32)};
  outer.AddOutput(branch.outputs[0]);
  outer.AddNode(branch);
  Absorb(outer);
  const auto& box = std::get<GraphBox>(
      *outer.node(outer.order()[0]).FindAttribute("then_branch"));
  EXPECT_EQ(OpsOf(*box), "Relu");
  EXPECT_EQ(box->value(box->outputs()[0]).name, "d");
  const Graph laid = LayOutQuantization(outer);
  const auto& again = std::get<GraphBox>(
      *laid.node(laid.order()[0]).FindAttribute("then_branch"));
  EXPECT_EQ(OpsOf(*again), "Relu QuantizeLinear DequantizeLinear");
}

// ---- there and back

void ExpectStable(const Graph& graph) {
  Graph once = LayOutQuantization(graph);
  const std::string laid = PrintGraph(once);
  Absorb(once);
  EXPECT_EQ(PrintGraph(LayOutQuantization(once)), laid);
}

TEST(Absorb, UndoesTheLayout) {
  Graph graph = LayOutQuantization(QuantizedConv());
  Absorb(graph);
  Graph original = QuantizedConv();
  original.Compact();
  for (const char* name : {"x", "w", "y"}) {
    EXPECT_TRUE(ValueOf(graph, name).quant == ValueOf(original, name).quant)
        << name;
  }
  ExpectStable(QuantizedConv());
}

Graph Table(Tensor stored, QuantParams params) {
  Graph graph;
  graph.opset[""] = 25;
  const ValueId i = graph.AddInput("i", DType::kInt64, Shape::Of({2}));
  const ValueId t =
      AddQuantizedConstant(graph, "t", std::move(stored), std::move(params));
  graph.AddOutput(
      EmitFloat(graph, "Gather", {t, i}, "y", {2, 16}, {{"axis", int64_t{0}}}));
  return graph;
}

TEST(Absorb, UndoesTheLayoutOfTables) {
  const std::vector<float> columns(16, 0.5f);
  const std::vector<float> rows(5, 0.25f);
  QuantParams blocks;
  blocks.dtype = DType::kInt4;
  blocks.axis = 1;
  blocks.block = 16;
  blocks.scale = Tensor(DType::kFloat32, {5, 1});
  const std::pair<Tensor, QuantParams> tables[] = {
      {CountingInt8({5, 16}), PerTensor(DType::kInt8, 0.5f, 1)},
      {CountingInt8({5, 16}), PerChannel(DType::kInt8, 1, columns)},
      {CountingInt8({5, 16}), PerChannel(DType::kInt8, 0, rows)},
      {Tensor(DType::kInt4, {5, 16}), blocks}};
  for (const auto& [stored, params] : tables) {
    SCOPED_TRACE(ToString(params));
    Graph graph = LayOutQuantization(Table(stored, params));
    Absorb(graph);
    EXPECT_EQ(OpsOf(graph), "Gather");
    const Value& table = graph.value(graph.node(graph.order()[0]).input(0));
    ASSERT_TRUE(table.quant);
    EXPECT_EQ(table.quant->axis, params.axis);
    EXPECT_EQ(table.quant->block, params.block);
    EXPECT_EQ(table.quant->scale.dims(), params.scale.dims());
  }
}

}  // namespace
}  // namespace squint
