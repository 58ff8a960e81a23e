#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/quantize/head_channels.h"
#include "squint/quantize/method.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

constexpr int64_t kRows = 3;
constexpr int64_t kHeads = 2;
constexpr int64_t kSize = 4;
constexpr int64_t kWidth = kHeads * kSize;

// Attention as exporters write it, q, k and v from one product or from three.
struct Attention {
  Graph graph;
  ValueId q = kNoValue;
  ValueId v = kNoValue;
  ValueId context = kNoValue;
  NodeId read = kNoNode;  // the product behind the heads

  explicit Attention(bool from_one, const char* between = "") {
    Graph& g = graph;
    g.opset[""] = 21;
    const ValueId x =
        g.AddInput("x", DType::kFloat32, Shape::Of({1, kRows, kWidth}));
    std::vector<ValueId> parts;
    if (from_one) {
      parts = Split(Product(x, 3 * kWidth, "qkv"));
    } else {
      for (const char* name : {"q", "k", "v"}) {
        parts.push_back(Product(x, kWidth, name));
      }
    }
    if (*between != '\0') parts[2] = g.Emit(between, {parts[2]}, between);
    q = Apart(parts[0], {0, 2, 1, 3});
    const ValueId k = Apart(parts[1], {0, 2, 3, 1});
    v = Apart(parts[2], {0, 2, 1, 3});
    const ValueId scores = g.Emit("MatMul", {q, k}, "scores");
    const ValueId p = g.Emit("Softmax", {scores}, "p");
    context = g.Emit("MatMul", {p, v}, "context");
    const ValueId order = g.Emit("Transpose", {context}, "order",
                                 {{"perm", std::vector<int64_t>{0, 2, 1, 3}}});
    const ValueId merged =
        g.Emit("Reshape", {order, Numbers({1, kRows, kWidth})}, "merged");
    const ValueId y =
        g.Emit("MatMul", {merged, Weight(kWidth, 2, "read")}, "y");
    read = g.value(y).producer;
    g.AddOutput(y);
    InferShapes(g);
  }

  ValueId Numbers(const std::vector<int64_t>& numbers) {
    return graph.AddConstant(
        "n",
        Tensor::Of<int64_t>({static_cast<int64_t>(numbers.size())}, numbers));
  }

  ValueId Weight(int64_t rows, int64_t columns, const char* name) {
    Tensor w(DType::kFloat32, {rows, columns});
    for (int64_t i = 0; i < w.size(); ++i) {
      w.mutable_data<float>()[i] = std::sin(static_cast<float>(3 * i + rows));
    }
    return graph.AddConstant(name, w);
  }

  ValueId Product(ValueId x, int64_t columns, const char* name) {
    const ValueId product =
        graph.Emit("MatMul", {x, Weight(kWidth, columns, name)}, name);
    Tensor bias(DType::kFloat32, {columns});
    for (int64_t i = 0; i < columns; ++i) {
      bias.mutable_data<float>()[i] = 0.1f * static_cast<float>(i % 5);
    }
    return graph.Emit("Add", {product, graph.AddConstant("b", bias)}, "sum");
  }

  std::vector<ValueId> Split(ValueId whole) {
    const NodeId id =
        graph
            .value(graph.Emit("Split", {whole, Numbers({8, 8, 8})}, "a",
                              {{"axis", int64_t{-1}}}))
            .producer;
    for (const char* name : {"b", "c"}) {
      const ValueId part = graph.AddValue(name, DType::kFloat32, {});
      graph.node(id).outputs.push_back(part);
      graph.SetProducer(part, id,
                        static_cast<int>(graph.node(id).outputs.size()) - 1);
    }
    return graph.node(id).outputs;
  }

  ValueId Apart(ValueId value, std::vector<int64_t> perm) {
    const ValueId apart = graph.Emit(
        "Reshape", {value, Numbers({1, kRows, kHeads, kSize})}, "apart");
    return graph.Emit("Transpose", {apart}, "t", {{"perm", std::move(perm)}});
  }

  Tensor Input() const {
    Tensor x(DType::kFloat32, {1, kRows, kWidth});
    for (int64_t i = 0; i < x.size(); ++i) {
      x.mutable_data<float>()[i] = std::cos(static_cast<float>(i * i));
    }
    return x;
  }

  std::vector<float> Result(const Graph& g) const {
    return Interpret(g, {Input()})[0].ToFloats();
  }
};

// The graph rotated, and how many places were.
std::pair<Graph, int> Rotated(const Graph& graph, Calibration& calibration) {
  const Recipe recipe;
  const Context context;
  const TuningData data;
  for (const MethodDef* method : AllMethods()) {
    if (method->name != "hadamard") continue;
    Graph rotated = graph;
    const Calibration before = calibration;
    const int places = method->rewrite(
        {graph, &before, recipe, FindTarget(recipe.target), context, &data}, {},
        rotated, calibration);
    return {std::move(rotated), places};
  }
  return {graph, -1};
}

TEST(Hadamard, LeavesWhatAttentionComputesAsItWas) {
  for (const bool from_one : {false, true}) {
    const Attention attention(from_one);
    Calibration calibration;
    const auto [rotated, places] = Rotated(attention.graph, calibration);
    EXPECT_EQ(places, 2);
    EXPECT_THAT(attention.Result(rotated),
                Pointwise(FloatNear(1e-5f), attention.Result(attention.graph)));
  }
}

// [8 0 0 0] becomes 8 * [1 1 1 1] / 2, head by head.
TEST(Hadamard, SpreadsALargeChannelOverItsHead) {
  Attention attention(false);
  Graph& g = attention.graph;
  const auto heads = MadeBy(g, UseMap(g), attention.v, 3);
  ASSERT_TRUE(heads);
  Tensor w(DType::kFloat32, {kWidth, kWidth});
  std::fill_n(w.mutable_data<float>(), w.size(), 0.0f);
  w.mutable_data<float>()[0] = 8;
  w.mutable_data<float>()[kSize] = -2;
  g.ReplaceInput(heads->layer, 1, g.AddConstant("w", w));
  Calibration calibration;
  const Graph rotated = Rotated(g, calibration).first;
  std::vector<float> row =
      rotated.ConstantOf(rotated.node(heads->layer).input(1))->ToFloats();
  row.resize(kWidth);
  EXPECT_THAT(row, ElementsAre(4, 4, 4, 4, -1, -1, -1, -1));
}

TEST(Hadamard, GivesRotatedValuesNamesOfTheirOwn) {
  const Attention attention(false);
  Calibration calibration;
  const std::string name = attention.graph.value(attention.context).name;
  calibration.values[name].channel_count = 5;
  const Graph rotated = Rotated(attention.graph, calibration).first;
  EXPECT_EQ(rotated.value(attention.context).name, name + "_rotated");
  ASSERT_TRUE(calibration.values.contains(name + "_rotated"));
  EXPECT_EQ(calibration.values.at(name + "_rotated").channel_count, 0u);
}

TEST(Hadamard, DoesNotPassWhatIsNotLinear) {
  const Attention attention(false, "Relu");
  Calibration calibration;
  const auto [rotated, places] = Rotated(attention.graph, calibration);
  EXPECT_EQ(places, 1);  // the scores
}

TEST(HeadChannels, AreFoundBehindASplit) {
  const Attention attention(true);
  const UseMap uses(attention.graph);
  const auto v = MadeBy(attention.graph, uses, attention.v, 3);
  ASSERT_TRUE(v);
  EXPECT_EQ(v->first, 2 * kWidth);
  EXPECT_EQ(v->heads, kHeads);
  EXPECT_EQ(v->size, kSize);
  ASSERT_EQ(v->biases.size(), 1u);
  EXPECT_EQ(v->biases[0].first, 2 * kWidth);
  const auto o = ReadBy(attention.graph, uses, attention.context);
  ASSERT_TRUE(o);
  EXPECT_EQ(o->layer, attention.read);
  EXPECT_EQ(o->heads, kHeads);
}

}  // namespace
}  // namespace squint
