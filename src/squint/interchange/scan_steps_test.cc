#include "squint/interchange/scan_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/interchange/example_graphs.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr int64_t kHidden = 2, kBatch = 3, kSteps = 4;

Tensor Waves(Dims dims, float phase) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = std::sin(phase + static_cast<float>(i));
  }
  return tensor;
}

struct Kind {
  const char* op_type = "LSTMSteps";
  bool linear_before_reset = false;
  bool reverse = false;
  bool grid = true;

  bool lstm() const { return op_type == std::string_view("LSTMSteps"); }
  int64_t gates() const { return lstm() ? 4 : 3; }
};

ValueId Weight(Graph& graph, const char* name, int64_t gates) {
  const std::vector<float> scales(static_cast<size_t>(gates * kHidden),
                                  1.0f / 64);
  return AddQuantizedConstant(graph, name,
                              CountingInt8({kHidden, gates * kHidden}),
                              PerChannel(DType::kInt8, 1, scales));
}

// Gates and initial states as inputs, all results as outputs.
Graph StepsGraph(const Kind& kind) {
  Graph graph = GraphWithInput("g", {kSteps, kBatch, kind.gates() * kHidden});
  std::vector<ValueId> inputs = {graph.inputs()[0],
                                 Weight(graph, "R", kind.lstm() ? 4 : 2)};
  if (!kind.lstm()) inputs.push_back(Weight(graph, "Rn", 1));
  inputs.push_back(
      graph.AddInput("h0", DType::kFloat32, Shape::Of({kBatch, kHidden})));
  if (kind.lstm()) {
    inputs.push_back(
        graph.AddInput("c0", DType::kFloat32, Shape::Of({kBatch, kHidden})));
  } else {
    inputs.push_back(kind.linear_before_reset
                         ? graph.AddConstant("late", Waves({kHidden}, 3))
                         : kNoValue);
  }
  if (kind.grid) {
    inputs.push_back(
        graph.AddConstant("scale", Tensor::Of<float>({}, {1.0f / 127})));
    inputs.push_back(graph.AddConstant("zero", Tensor::Of<uint8_t>({}, {128})));
  }
  Node node;
  node.op_type = kind.op_type;
  node.domain = "squint";
  node.inputs = inputs;
  if (kind.reverse) node.Set("reverse", int64_t{1});
  if (kind.linear_before_reset) node.Set("linear_before_reset", int64_t{1});
  for (const char* name : {"y", "h", "c"}) {
    if (name[0] == 'c' && !kind.lstm()) break;
    node.outputs.push_back(graph.AddValue(name, DType::kFloat32));
    graph.AddOutput(node.outputs.back());
  }
  graph.AddNode(std::move(node));
  InferShapes(graph);
  return graph;
}

std::vector<Tensor> Inputs(const Kind& kind) {
  std::vector<Tensor> inputs = {
      Waves({kSteps, kBatch, kind.gates() * kHidden}, 0),
      Waves({kBatch, kHidden}, 1)};
  if (kind.lstm()) inputs.push_back(Waves({kBatch, kHidden}, 2));
  return inputs;
}

std::vector<Kind> Kinds() {
  return {{},
          {.reverse = true},
          {.grid = false},
          {.op_type = "GRUSteps"},
          {.op_type = "GRUSteps", .reverse = true, .grid = false},
          {.op_type = "GRUSteps", .linear_before_reset = true},
          {.op_type = "GRUSteps", .linear_before_reset = true, .grid = false}};
}

Graph& BodyOf(Graph& graph) {
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).Is("Scan")) continue;
    return *std::get<GraphBox>(graph.node(id).attributes.at("body"));
  }
  Fail(ErrorCode::kInternal, "no Scan in the graph");
}

TEST(ScanSteps, AFileHasAScanWithQuantizedProducts) {
  Graph laid = LayOutQuantization(StepsGraph({}));
  EXPECT_EQ(OpsOf(laid), "Scan");
  EXPECT_EQ(OpsOf(BodyOf(laid)),
            "DequantizeLinear QuantizeLinear DequantizeLinear MatMul Add Split "
            "Sigmoid Tanh Split Mul Mul Add Tanh Mul Identity");
  const Node& scan = NodeOf(laid, "Scan");
  EXPECT_EQ(InputName(laid, scan, 0), "h0");
  EXPECT_EQ(InputName(laid, scan, 2), "g");
  EXPECT_EQ(laid.value(scan.output(2)).name, "y");
  EXPECT_TRUE(scan.Ints("scan_input_directions").empty());
}

TEST(ScanSteps, TheWayBackwardsIsInBothDirectionAttributes) {
  Graph laid = LayOutQuantization(StepsGraph({.reverse = true}));
  const Node& scan = NodeOf(laid, "Scan");
  EXPECT_THAT(scan.Ints("scan_input_directions"), ElementsAre(1));
  EXPECT_THAT(scan.Ints("scan_output_directions"), ElementsAre(1));
}

TEST(ScanSteps, AreRecognisedAndGiveTheSameNumbers) {
  for (const Kind& kind : Kinds()) {
    const Graph steps = StepsGraph(kind);
    Graph written = LayOutQuantization(steps);
    SCOPED_TRACE(PrintGraph(written));
    Graph read = written;
    Absorb(read);
    EXPECT_EQ(OpsOf(read), kind.op_type);
    InferShapes(written);
    InferShapes(read);
    const std::vector<Tensor> made = Interpret(steps, Inputs(kind));
    const std::vector<Tensor> scanned = Interpret(written, Inputs(kind));
    const std::vector<Tensor> recognised = Interpret(read, Inputs(kind));
    ASSERT_EQ(made.size(), recognised.size());
    for (size_t i = 0; i < made.size(); ++i) {
      EXPECT_EQ(made[i].ToFloats(), scanned[i].ToFloats());
      EXPECT_EQ(made[i].ToFloats(), recognised[i].ToFloats());
    }
  }
}

TEST(ScanSteps, ABodyThatDiffersStaysAScan) {
  const auto ops_after = [](auto&& change) {
    Graph read = LayOutQuantization(StepsGraph({}));
    change(read);
    Absorb(read);
    return OpsOf(read);
  };
  EXPECT_EQ(ops_after([](Graph&) {}), "LSTMSteps");
  EXPECT_EQ(ops_after([](Graph& graph) {
              for (const NodeId id : BodyOf(graph).order()) {
                Node& node = BodyOf(graph).node(id);
                if (node.Is("Sigmoid")) node.op_type = "HardSigmoid";
              }
            }),
            "Scan");
  EXPECT_EQ(ops_after([](Graph& graph) {
              // The two products of the cell with each other's gate.
              Graph& body = BodyOf(graph);
              const NodeId sum = body.value(body.outputs()[1]).producer;
              std::swap(body.node(sum).inputs[0], body.node(sum).inputs[1]);
            }),
            "Scan");
  EXPECT_EQ(ops_after([](Graph& graph) {
              for (const NodeId id : graph.order()) {
                graph.node(id).Set("scan_output_directions",
                                   std::vector<int64_t>{1});
              }
            }),
            "Scan");
}

TEST(ScanSteps, WeightsThatAreNoConstantsCannotBeWritten) {
  Graph graph = StepsGraph({});
  Node& node = graph.node(graph.order()[0]);
  node.inputs[1] =
      graph.AddInput("r", DType::kFloat32, Shape::Of({kHidden, 4 * kHidden}));
  try {
    LayOutQuantization(graph);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("constant"));
  }
}

}  // namespace
}  // namespace squint
