#include "squint/quantize/recurrent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/quantize/quantize.h"

namespace squint {
namespace {

using testing::Each;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

constexpr int64_t kInputs = 3, kHidden = 2;

Tensor Waves(Dims dims, float phase) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] =
        std::sin(phase + 1.7f * static_cast<float>(i));
  }
  return tensor;
}

struct Layer {
  std::string op_type = "LSTM";
  std::string direction = "forward";
  bool bias = true;
  bool states = false;
  bool fixed_batch = true;
  int64_t linear_before_reset = 0;
  bool only_last = false;  // no first output
};

Graph GraphOf(const Layer& layer) {
  Graph graph;
  graph.opset[""] = 25;
  const bool lstm = layer.op_type == "LSTM";
  const int64_t d = layer.direction == "bidirectional" ? 2 : 1;
  const int64_t rows = (lstm ? 4 : 3) * kHidden;
  const Dim batch = layer.fixed_batch ? Dim(2) : Dim::Symbol("n");
  const ValueId x = graph.AddInput("x", DType::kFloat32,
                                   Shape({Dim(5), batch, Dim(kInputs)}));
  Node node;
  node.op_type = layer.op_type;
  node.name = "rnn";
  node.inputs = {x, graph.AddConstant("w", Waves({d, rows, kInputs}, 0)),
                 graph.AddConstant("r", Waves({d, rows, kHidden}, 1)), kNoValue,
                 kNoValue};
  if (layer.bias) {
    node.inputs[3] = graph.AddConstant("b", Waves({d, 2 * rows}, 2));
  }
  for (const char* name : {"h0", "c0"}) {
    if (!layer.states || (name[0] == 'c' && !lstm)) break;
    node.inputs.push_back(graph.AddInput(name, DType::kFloat32,
                                         Shape({Dim(d), batch, Dim(kHidden)})));
  }
  for (const char* name : {"y", "yh", "yc"}) {
    if (name == std::string_view("yc") && !lstm) break;
    if (name == std::string_view("y") && layer.only_last) {
      node.outputs.push_back(kNoValue);
      continue;
    }
    node.outputs.push_back(graph.AddValue(name));
    graph.AddOutput(node.outputs.back());
  }
  node.Set("hidden_size", kHidden);
  node.Set("direction", layer.direction);
  if (!lstm) node.Set("linear_before_reset", layer.linear_before_reset);
  graph.AddNode(std::move(node));
  InferShapes(graph);
  return graph;
}

std::vector<Tensor> InputsOf(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    Dims dims;
    for (int i = 0; i < graph.value(id).shape.rank(); ++i) {
      dims.push_back(graph.value(id).shape[i].value().value_or(2));
    }
    inputs.push_back(Waves(dims, static_cast<float>(id)));
  }
  return inputs;
}

std::vector<Layer> Layers() {
  std::vector<Layer> layers;
  for (const char* direction : {"forward", "reverse", "bidirectional"}) {
    for (const bool states : {false, true}) {
      layers.push_back({.direction = direction, .states = states});
      layers.push_back(
          {.op_type = "GRU", .direction = direction, .states = states});
    }
  }
  layers.push_back({.bias = false});
  layers.push_back({.fixed_batch = false});
  layers.push_back({.only_last = true});
  layers.push_back({.op_type = "GRU", .linear_before_reset = 1});
  layers.push_back({.op_type = "GRU", .bias = false, .linear_before_reset = 1});
  return layers;
}

Recipe EdgeRecipe() {
  Recipe recipe;
  recipe.target = "edge";
  return recipe;
}

TEST(SplitRecurrent, ChangesNoResult) {
  for (const Layer& layer : Layers()) {
    const Graph whole = GraphOf(layer);
    Graph split = whole;
    PrepareForRecipe(split, EdgeRecipe());
    SCOPED_TRACE(PrintGraph(split));
    VerifyGraph(split);
    const std::vector<Tensor> inputs = InputsOf(whole);
    const std::vector<Tensor> a = Interpret(whole, inputs);
    const std::vector<Tensor> b = Interpret(split, inputs);
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].dims(), b[i].dims());
      EXPECT_THAT(b[i].ToFloats(),
                  Pointwise(FloatNear(1e-6f), a[i].ToFloats()));
      EXPECT_EQ(split.value(split.outputs()[i]).shape.ToString(),
                whole.value(whole.outputs()[i]).shape.ToString());
    }
  }
}

TEST(SplitRecurrent, LeavesOtherFormsAndTargetsAlone) {
  const auto ops_of = [](Graph graph, const Recipe& recipe) {
    PrepareForRecipe(graph, recipe);
    return graph.node(graph.order().back()).op_type;
  };
  EXPECT_EQ(ops_of(GraphOf({}), {}), "LSTM");
  Recipe excluded = EdgeRecipe();
  excluded.exclude_nodes = {"rnn"};
  EXPECT_EQ(ops_of(GraphOf({}), excluded), "LSTM");
  Graph clipped = GraphOf({});
  clipped.node(clipped.order()[0]).Set("clip", 1.0f);
  EXPECT_EQ(ops_of(clipped, EdgeRecipe()), "LSTM");
}

QuantizeResult WithoutData(const Layer& layer, QuantizeMode mode,
                           Recipe recipe = {}) {
  recipe.mode = mode;
  return Quantize(GraphOf(layer), nullptr, recipe);
}

const QuantParams& ParamsOf(const Graph& graph, size_t input) {
  return *graph.value(graph.node(graph.order()[0]).input(input)).quant;
}

TEST(StoredWeights, HaveAScaleForEachRow) {
  const QuantizeResult one = WithoutData({}, QuantizeMode::kWeightOnly);
  EXPECT_EQ(ParamsOf(one.graph, 1).axis, 1);
  EXPECT_EQ(ParamsOf(one.graph, 1).scale.dims(), Dims{8});
  const QuantizeResult two =
      WithoutData({.direction = "bidirectional"}, QuantizeMode::kWeightOnly);
  EXPECT_EQ(ParamsOf(two.graph, 1).block, kInputs);
  EXPECT_EQ(ParamsOf(two.graph, 1).scale.dims(), (Dims{2, 8, 1}));
  EXPECT_EQ(ParamsOf(two.graph, 2).scale.dims(), (Dims{2, 8, 1}));
  ASSERT_EQ(two.nodes.size(), 1u);
  EXPECT_FALSE(two.nodes[0].integer);
  EXPECT_THAT(two.nodes[0].reason, HasSubstr("weights stored as integers"));
}

TEST(StoredWeights, NeedNoFirstOutput) {
  const QuantizeResult result =
      WithoutData({.only_last = true}, QuantizeMode::kWeightOnly);
  EXPECT_EQ(ParamsOf(result.graph, 1).dtype, DType::kInt8);
}

TEST(StoredWeights, TakeFourBitsInGroups) {
  Recipe recipe;
  recipe.weights = DType::kInt4;
  const QuantizeResult result =
      WithoutData({}, QuantizeMode::kWeightOnly, recipe);
  EXPECT_EQ(ParamsOf(result.graph, 1).dtype, DType::kInt4);
  EXPECT_EQ(ParamsOf(result.graph, 1).block, recipe.group);
}

TEST(StoredWeights, StayFloatOnRequest) {
  Recipe recipe;
  recipe.exclude_types = {"LSTM"};
  const QuantizeResult result =
      WithoutData({}, QuantizeMode::kWeightOnly, recipe);
  EXPECT_EQ(result.quantized_weight_bytes, 0u);
  EXPECT_THAT(result.nodes[0].reason, HasSubstr("excluded"));
}

TEST(DynamicLstm, HasTransposedUnsignedWeightsWithAScaleForEachUnit) {
  const QuantizeResult result = WithoutData({}, QuantizeMode::kDynamic);
  const Graph& graph = result.graph;
  const Node& node = graph.node(graph.order()[0]);
  EXPECT_TRUE(node.Is("DynamicQuantizeLSTM", "com.microsoft"));
  EXPECT_TRUE(result.nodes[0].integer);
  const Tensor w = graph.ConstantOf(node.input(1))->Materialize();
  EXPECT_EQ(w.dtype(), DType::kUint8);
  EXPECT_EQ(w.dims(), (Dims{1, kInputs, 8}));
  const Tensor& scale = *graph.ConstantOf(node.input(8));
  EXPECT_EQ(scale.dims(), (Dims{1, 8}));
  EXPECT_THAT(graph.ConstantOf(node.input(9))->ToInts(), Each(128));
  // Row 5, input 2 of the float weights is column 5 here.
  const float real = Waves({1, 8, kInputs}, 0).ToFloats()[5 * kInputs + 2];
  const float stored = static_cast<float>(w.data<uint8_t>()[2 * 8 + 5]) - 128;
  EXPECT_NEAR(stored * scale.ToFloats()[5], real, scale.ToFloats()[5] * 0.51f);
}

TEST(DynamicLstm, OfBothDirectionsHasBothScales) {
  const QuantizeResult result =
      WithoutData({.direction = "bidirectional"}, QuantizeMode::kDynamic);
  const Graph& graph = result.graph;
  const Node& node = graph.node(graph.order()[0]);
  EXPECT_EQ(node.op_type, "DynamicQuantizeLSTM");
  EXPECT_EQ(graph.ConstantOf(node.input(10))->dims(), (Dims{2, 8}));
}

TEST(DynamicLstm, IsNoFormForGru) {
  const QuantizeResult result =
      WithoutData({.op_type = "GRU"}, QuantizeMode::kDynamic);
  EXPECT_EQ(result.graph.node(result.graph.order()[0]).op_type, "GRU");
  EXPECT_EQ(ParamsOf(result.graph, 2).dtype, DType::kInt8);
}

}  // namespace
}  // namespace squint
