// Nested graphs through calibration and quantization.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "squint/graph/nested_values.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/optimize/optimize.h"
#include "squint/quantize/quantize.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

// Sequences of 3 to 6 steps.
class Sequences : public Dataset {
 public:
  int64_t size() const override { return 24; }
  Sample Get(int64_t index) const override {
    Sample sample;
    sample.index = index;
    sample.id = sample.hash = std::to_string(index);
    sample.inputs = {Noise({3 + index % 4, kRows, kWidth}, 1.0f,
                           static_cast<uint32_t>(100 + index))};
    return sample;
  }
  bool has_labels() const override { return false; }
  std::string description() const override { return "sequences"; }
};

Graph Network() {
  Graph graph = ControlFlowNetwork();
  Optimize(graph);
  return graph;
}

Calibration CalibrationFor(const Graph& graph, const Recipe& recipe) {
  CalibrateOptions options;
  for (int64_t i = 0; i < 24; ++i) options.samples.push_back(i);
  options.values = ValuesToCalibrate(graph, recipe);
  return Calibrate(graph, Sequences(), options);
}

QuantizeResult QuantizeNetwork(const Graph& graph, const Recipe& recipe) {
  if (recipe.mode != QuantizeMode::kStatic) {
    return Quantize(graph, nullptr, recipe);
  }
  const Calibration calibration = CalibrationFor(graph, recipe);
  return Quantize(graph, &calibration, recipe);
}

const Graph& BodyOf(const Graph& graph, std::string_view op_type,
                    std::string_view key = "body") {
  for (const NodeId id : graph.order()) {
    if (graph.node(id).op_type != op_type) continue;
    return *std::get<GraphBox>(*graph.node(id).FindAttribute(key));
  }
  throw std::runtime_error("no such node");
}

const Node& ProductIn(const Graph& graph) {
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("MatMul")) return graph.node(id);
  }
  throw std::runtime_error("no product");
}

double SqnrOf(const std::vector<float>& real, const std::vector<float>& other) {
  double signal = 0;
  double noise = 0;
  for (size_t i = 0; i < real.size(); ++i) {
    const auto r = static_cast<double>(real[i]);
    signal += r * r;
    noise += (r - static_cast<double>(other[i])) *
             (r - static_cast<double>(other[i]));
  }
  return 10 * std::log10(signal / noise);
}

TEST(NestedCalibration, ObservesAllTripsUnderNamesOfTheirOwn) {
  const Graph graph = Network();
  const Calibration calibration = CalibrationFor(graph, {});
  // 6 times 3, 4, 5 and 6 steps.
  const auto x = calibration.values.find("x_t");
  ASSERT_NE(x, calibration.values.end());
  EXPECT_EQ(x->second.count,
            static_cast<uint64_t>(6 * (3 + 4 + 5 + 6) * kRows * kWidth));
  const auto v = calibration.values.find("v");
  ASSERT_NE(v, calibration.values.end());
  EXPECT_EQ(v->second.count,
            static_cast<uint64_t>(24 * kTripCount * kRows * kWidth));
  // The branches capture one value: two names, and each sample in one.
  const auto& taken = calibration.values.at("y_node/then_branch/v_last");
  const auto& other = calibration.values.at("y_node/else_branch/v_last");
  EXPECT_EQ(taken.count + other.count,
            static_cast<uint64_t>(24 * kRows * kWidth));
}

TEST(NestedQuantization, MakesTheProductsOfEveryBodyInteger) {
  const Graph graph = Network();
  const QuantizeResult result = QuantizeNetwork(graph, {});
  for (const auto& [op_type, key] :
       {std::pair{"Scan", "body"}, {"Loop", "body"}}) {
    const Graph& body = BodyOf(result.graph, op_type, key);
    const Node& product = ProductIn(body);
    EXPECT_TRUE(body.value(product.input(0)).quant) << op_type;
    EXPECT_TRUE(body.value(product.input(1)).quant) << op_type;
  }
  for (const NodeOutcome& node : result.nodes) {
    if (node.op_type == "MatMul" && node.reason.empty()) {
      EXPECT_TRUE(node.integer);
    }
  }
  const auto integer =
      std::count_if(result.nodes.begin(), result.nodes.end(),
                    [](const NodeOutcome& node) { return node.integer; });
  EXPECT_GE(integer, 4);
}

TEST(NestedQuantization, LeavesCapturesInRealNumbers) {
  const QuantizeResult result = QuantizeNetwork(Network(), {});
  ForEachGraph(result.graph, [](const Graph& each) {
    for (const ValueId id : each.captures()) {
      EXPECT_FALSE(each.value(id).quant) << each.value(id).name;
    }
  });
}

// x -> Conv, which hands on integers that another Conv and a branch read.
Graph ConvolutionsAroundABranch() {
  const auto conv = [](Graph& to, ValueId x, std::string_view name,
                       uint32_t seed) {
    return to.Emit("Conv",
                   {x, to.AddConstant(std::string(name) + "_w",
                                      Noise({4, 4, 1, 1}, 0.5f, seed))},
                   name);
  };
  Graph graph = EmptyGraph("outer");
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape::Of({1, 4, 3, 3}));
  const ValueId shared = conv(graph, x, "shared", 1);
  const ValueId condition = graph.Emit(
      "Greater",
      {graph.Emit("ReduceSum", {x}, "sum", {{"keepdims", int64_t{0}}}),
       graph.AddConstant("low", Tensor::Scalar<float>(-1e9f))},
      "condition");
  const auto branch = [&](uint32_t seed) {
    Graph body = EmptyGraph("branch");
    body.AddOutput(conv(body, body.AddCapture("shared"), "inner", seed));
    return body;
  };
  const NodeId choice = AddBodyNode(graph, "If", {condition}, {"y"},
                                    {{"then_branch", GraphBox(branch(2))},
                                     {"else_branch", GraphBox(branch(3))}},
                                    {shared, shared});
  graph.AddOutput(graph.node(choice).output());
  graph.AddOutput(conv(graph, shared, "after", 4));
  InferShapes(graph);
  return graph;
}

class Images : public Sequences {
 public:
  Sample Get(int64_t index) const override {
    Sample sample = Sequences::Get(index);
    sample.inputs = {
        Noise({1, 4, 3, 3}, 1.0f, static_cast<uint32_t>(index + 1))};
    return sample;
  }
};

TEST(NestedQuantization, KeepsTheGridOfACapturedIntegerValue) {
  const Graph graph = ConvolutionsAroundABranch();
  CalibrateOptions options;
  options.samples = {0, 1, 2, 3};
  options.values = ValuesToCalibrate(graph, {});
  const Calibration calibration = Calibrate(graph, Images(), options);
  const Graph quantized = Quantize(graph, &calibration, {}).graph;
  const auto& outer = quantized.value(quantized.FindValue("shared")).quant;
  ASSERT_TRUE(outer);
  const Graph& body = BodyOf(quantized, "If", "then_branch");
  for (const NodeId id : body.order()) {
    if (!body.node(id).Is("Conv")) continue;
    const auto& inner = body.value(body.node(id).input(0)).quant;
    ASSERT_TRUE(inner);
    EXPECT_EQ(*inner, *outer);
  }
}

TEST(NestedQuantization, KeepsABranchThatNoSampleTookFloat) {
  Graph graph = Network();
  // A threshold that no sum reaches.
  graph.value(graph.FindValue("threshold")).constant =
      Tensor::Scalar<float>(1e9f);
  const QuantizeResult result = QuantizeNetwork(graph, {});
  const Graph& taken = BodyOf(result.graph, "If", "else_branch");
  const Graph& never = BodyOf(result.graph, "If", "then_branch");
  EXPECT_TRUE(taken.value(ProductIn(taken).input(1)).quant);
  EXPECT_FALSE(never.value(ProductIn(never).input(1)).quant);
  const auto reason = std::find_if(
      result.nodes.begin(), result.nodes.end(), [](const NodeOutcome& node) {
        return node.reason.find("no calibration sample") != std::string::npos;
      });
  EXPECT_NE(reason, result.nodes.end());
}

TEST(NestedQuantization, StaysNearFloatInEveryMode) {
  const Graph graph = Network();
  Executor real(std::make_shared<const Graph>(graph));
  for (const QuantizeMode mode : {QuantizeMode::kStatic, QuantizeMode::kDynamic,
                                  QuantizeMode::kWeightOnly}) {
    Recipe recipe;
    recipe.mode = mode;
    QuantizeResult result = QuantizeNetwork(graph, recipe);
    EXPECT_GT(result.quantized_weight_bytes, 0u);
    Executor simulated(std::make_shared<const Graph>(result.graph));
    const Tensor x = Noise({5, kRows, kWidth}, 1.0f, 999);
    const auto expected = real.Run({x});
    const auto out = simulated.Run({x});
    const auto written = Interpret(LayOutQuantization(result.graph), {x});
    for (size_t i = 0; i < out.size(); ++i) {
      EXPECT_GT(SqnrOf(expected[i].ToFloats(), out[i].ToFloats()), 25)
          << ModeName(mode) << ", output " << i;
      EXPECT_GT(SqnrOf(out[i].ToFloats(), written[i].ToFloats()), 35)
          << ModeName(mode) << ", output " << i;
    }
  }
}

TEST(NestedQuantization, IsWrittenAsNodesAndReadBackWithTheSameNumbers) {
  for (const char* target : {"x86", "arm", "tensorrt", "squint", "edge"}) {
    Recipe recipe;
    recipe.target = target;
    const Graph quantized = QuantizeNetwork(Network(), recipe).graph;
    Graph laid = LayOutQuantization(quantized);
    int dequantizes = 0;
    ForEachGraph(laid, [&](const Graph& each) {
      for (ValueId id = 0; id < each.num_values(); ++id) {
        EXPECT_FALSE(each.value(id).quant);
      }
      std::set<ValueId> zero_points;
      for (const NodeId id : each.order()) {
        if (!each.node(id).Is("DequantizeLinear")) continue;
        ++dequantizes;
        // ONNX Runtime refuses shared ones here, see Layout.
        const bool is_first = zero_points.insert(each.node(id).input(2)).second;
        EXPECT_TRUE(is_first || &each == &laid);
      }
    });
    EXPECT_GE(dequantizes, 8) << target;
    const Tensor x = Noise({5, kRows, kWidth}, 1.0f, 999);
    const auto expected = Interpret(quantized, {x});
    InferShapes(laid);
    const auto written = Interpret(laid, {x});
    Absorb(laid);
    InferShapes(laid);
    const auto absorbed = Interpret(laid, {x});
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(written[i].ToFloats(), expected[i].ToFloats()) << target;
      EXPECT_EQ(absorbed[i].ToFloats(), expected[i].ToFloats()) << target;
    }
  }
}

TEST(NestedQuantization, IsSteeredByNamesWithinBodies) {
  Recipe recipe;
  recipe.exclude_nodes = {"v_part"};
  recipe.tensors["y_node/then_branch/v_last"].range = {-8.0, 8.0};
  const Graph graph = Network();
  const QuantizeResult result = QuantizeNetwork(graph, recipe);
  const Graph& trip = BodyOf(result.graph, "Loop");
  EXPECT_FALSE(trip.value(ProductIn(trip).input(1)).quant);
  recipe.exclude_nodes = {"no_such_node"};
  EXPECT_THROW(ValuesToCalibrate(graph, recipe), Error);
}

}  // namespace
}  // namespace squint
