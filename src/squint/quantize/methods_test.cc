// Methods on small networks where the right answer is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/quantize/activations.h"
#include "squint/quantize/method.h"

namespace squint {
namespace {

using ::testing::Each;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const MethodDef& Method(std::string_view name) {
  for (const MethodDef* method : AllMethods()) {
    if (method->name == name) return *method;
  }
  throw std::runtime_error("no such method");
}

FloatRequests Selected(std::string_view method, Graph& graph) {
  InferShapes(graph);
  const Recipe recipe;
  const Context context;
  FloatRequests requests;
  Method(method).select(
      {graph, nullptr, recipe, FindTarget(recipe.target), context}, requests);
  return requests;
}

Tensor Filled(std::vector<int64_t> dims, float value) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  std::fill_n(tensor.mutable_data<float>(), tensor.size(), value);
  return tensor;
}

// ---- attention-scores

TEST(AttentionScores, AreFloatFromBehindTheirProductOn) {
  Graph g;
  const ValueId q = g.AddInput("q", DType::kFloat32, Shape::Of({2, 4, 8}));
  const ValueId k = g.AddInput("k", DType::kFloat32, Shape::Of({2, 8, 4}));
  const ValueId v = g.AddInput("v", DType::kFloat32, Shape::Of({2, 4, 8}));
  const ValueId mask = g.AddInput("m", DType::kFloat32, Shape::Of({2, 1, 4}));
  const ValueId product = g.Emit("MatMul", {q, k}, "product");
  const ValueId masked = g.Emit("Add", {product, mask}, "masked");
  const ValueId p = g.Emit("Softmax", {masked}, "p");
  const ValueId out = g.Emit("MatMul", {p, v}, "out");
  g.AddOutput(out);
  const FloatRequests requests = Selected("attention-scores", g);
  EXPECT_THAT(requests, SizeIs(3));
  EXPECT_TRUE(requests.contains(g.value(out).producer));
  EXPECT_TRUE(requests.contains(g.value(masked).producer));
  EXPECT_TRUE(requests.contains(g.value(p).producer));
  EXPECT_FALSE(requests.contains(g.value(product).producer));
}

TEST(AttentionScores, LeaveTheSoftmaxOfAClassifierAlone) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 8}));
  g.AddOutput(g.Emit("Softmax", {x}, "p"));
  EXPECT_THAT(Selected("attention-scores", g), SizeIs(0));
}

// ---- spectrum

struct Spectrum {
  Graph graph;
  NodeId conv = kNoNode;

  Spectrum(float exponent, std::string_view root) {
    Graph& g = graph;
    const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 1, 64}));
    const ValueId w = g.AddConstant("w", Filled({4, 1, 8}, 1.0f));
    const ValueId e = g.AddConstant("e", Tensor::Of<float>({}, {exponent}));
    const ValueId y = g.Emit("Conv", {x, w}, "y");
    conv = g.value(y).producer;
    const ValueId power = g.Emit("Pow", {y, e}, "power");
    const ValueId sum = g.Emit("Add", {power, power}, "sum");
    g.AddOutput(g.Emit(root, {sum}, "root"));
  }
};

TEST(Spectrum, KeepsTheConvolutionBeforeSquaresAndARootFloat) {
  for (const std::string_view root : {"Sqrt", "Log"}) {
    Spectrum net(2.0f, root);
    const FloatRequests requests = Selected("spectrum", net.graph);
    ASSERT_TRUE(requests.contains(net.conv)) << root;
    EXPECT_THAT(requests.at(net.conv), HasSubstr("spectrum"));
  }
}

TEST(Spectrum, NeedsBothTheSquareAndTheRoot) {
  Spectrum cubes(3.0f, "Sqrt");
  EXPECT_THAT(Selected("spectrum", cubes.graph), SizeIs(0));
  Spectrum rootless(2.0f, "Tanh");
  EXPECT_THAT(Selected("spectrum", rootless.graph), SizeIs(0));
}

TEST(Spectrum, KeepsLinearFiltersAndTheFilterBankFloatToo) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 1, 64}));
  const ValueId w = g.AddConstant("w", Filled({4, 1, 8}, 1.0f));
  const ValueId low = g.AddConstant("low", Filled({1, 1, 3}, 1.0f));
  const ValueId bank = g.AddConstant("bank", Filled({2, 5}, 1.0f));
  const ValueId after = g.AddConstant("after", Filled({5, 3}, 1.0f));
  const ValueId filtered = g.Emit("Conv", {x, low}, "filtered");
  const ValueId spectrum = g.Emit("Conv", {filtered, w}, "spectrum");
  const ValueId dims =
      g.AddConstant("dims", Tensor::Of<int64_t>({4}, {1, 2, 2, -1}));
  const ValueId two = g.AddConstant("two", Filled({}, 2.0f));
  const ValueId scaled = g.Emit("Mul", {spectrum, two}, "scaled");
  const ValueId parts = g.Emit("Reshape", {scaled, dims}, "parts");
  const ValueId axes = g.AddConstant("axes", Tensor::Of<int64_t>({1}, {1}));
  const ValueId power = g.Emit("ReduceSumSquare", {parts, axes}, "power",
                               {{"keepdims", int64_t{0}}});
  const ValueId turned = g.Emit("Transpose", {power}, "turned",
                                {{"perm", std::vector<int64_t>{0, 2, 1}}});
  const ValueId bands = g.Emit("MatMul", {turned, bank}, "bands");
  const ValueId decibel = g.Emit("Log", {bands}, "decibel");
  const ValueId out = g.Emit("MatMul", {decibel, after}, "out");
  g.AddOutput(out);
  const FloatRequests requests = Selected("spectrum", g);
  EXPECT_THAT(requests, SizeIs(3));
  for (const ValueId id : {filtered, spectrum, bands}) {
    EXPECT_TRUE(requests.contains(g.value(id).producer)) << g.value(id).name;
  }
}

TEST(Spectrum, LeavesWhatIsDividedByItsNormAlone) {
  for (const bool divided : {false, true}) {
    Graph g;
    const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 8}));
    const ValueId w = g.AddConstant("w", Filled({8, 4}, 1.0f));
    const ValueId y = g.Emit("MatMul", {x, w}, "y");
    const ValueId norm = g.Emit("ReduceL2", {y}, "norm");
    g.AddOutput(divided ? g.Emit("Div", {y, norm}, "unit") : norm);
    EXPECT_THAT(Selected("spectrum", g), SizeIs(divided ? 0 : 1));
  }
}

// ---- smooth-quant

// x [1,2,4] -> MatMul with a 4 x 3 weight of ones; channel 0 of x reaches
// `largest`, the others 1.
struct Product {
  Graph graph;
  Calibration calibration;
  ValueId x = kNoValue;
  NodeId product = kNoNode;

  explicit Product(float largest, bool normalized = false) {
    Graph& g = graph;
    x = g.AddInput("in", DType::kFloat32, Shape::Of({1, 2, 4}));
    if (normalized) {
      const ValueId gamma = g.AddConstant("gamma", Filled({4}, 6.0f));
      const ValueId beta = g.AddConstant("beta", Filled({4}, 2.0f));
      x = g.Emit("LayerNormalization", {x, gamma, beta}, "x");
    }
    const ValueId w = g.AddConstant("w", Filled({4, 3}, 1.0f));
    const ValueId y = g.Emit("MatMul", {x, w}, "y");
    product = g.value(y).producer;
    g.AddOutput(y);
    InferShapes(g);
    ValueStatistics& s = calibration.values[g.value(x).name];
    const std::vector<float> values = {largest, 1, 1, 1, -largest, -1, -1, -1};
    s.count = values.size();
    s.histogram.Add(values);
    s.minimum = -largest;
    s.maximum = largest;
    s.blocks[0] = {-largest, largest};
    s.channel_axis = 2;
    s.channel_count = 2;
    s.channel_minimum = {-largest, -1, -1, -1};
    s.channel_maximum = {largest, 1, 1, 1};
    s.channel_sum.resize(4);
  }

  int Smooth() {
    const Graph before = graph;
    const Calibration statistics = calibration;
    const Recipe recipe;
    const Context context;
    return Method("smooth-quant")
        .rewrite(
            {before, &statistics, recipe, FindTarget(recipe.target), context},
            {}, graph, calibration);
  }
};

TEST(SmoothQuant, DividesTheInputAndMultipliesTheWeightByTheSame) {
  Product net(100);
  ASSERT_EQ(net.Smooth(), 1);
  const Graph& g = net.graph;
  const Node& product = g.node(net.product);
  const Node& mul = g.node(g.value(product.input(0)).producer);
  ASSERT_TRUE(mul.Is("Mul"));
  EXPECT_EQ(mul.input(0), net.x);
  const auto inverse = g.ConstantOf(mul.input(1))->ToFloats();
  const auto weight = g.ConstantOf(product.input(1))->ToFloats();
  ASSERT_THAT(inverse, SizeIs(4));
  for (size_t i = 0; i < weight.size(); ++i) {
    EXPECT_FLOAT_EQ(weight[i] * inverse[i / 3], 1.0f);
  }
  // The ratio of the scales is 100^a, for a in (0, 1).
  EXPECT_GT(inverse[1] / inverse[0], 1.5f);
  EXPECT_LT(inverse[1] / inverse[0], 100.0f);
}

TEST(SmoothQuant, GivesTheScaledValueItsExactExtremes) {
  Product net(100);
  ASSERT_EQ(net.Smooth(), 1);
  const Graph& g = net.graph;
  const ValueId scaled = g.node(net.product).input(0);
  const auto inverse =
      g.ConstantOf(g.node(g.value(scaled).producer).input(1))->ToFloats();
  const auto& s = net.calibration.values.at(g.value(scaled).name);
  EXPECT_FLOAT_EQ(s.maximum, std::max(100 * inverse[0], inverse[1]));
  EXPECT_FLOAT_EQ(s.minimum, -s.maximum);
  EXPECT_FLOAT_EQ(s.channel_maximum[0], 100 * inverse[0]);
}

TEST(SmoothQuant, FoldsIntoALayerNormalizationThatNobodyElseReads) {
  Product net(100, true);
  const int before = static_cast<int>(net.graph.order().size());
  ASSERT_EQ(net.Smooth(), 1);
  const Graph& g = net.graph;
  EXPECT_EQ(static_cast<int>(g.order().size()), before);
  const Node& norm = g.node(g.value(net.x).producer);
  const auto gamma = g.ConstantOf(norm.input(1))->ToFloats();
  const auto beta = g.ConstantOf(norm.input(2))->ToFloats();
  const auto weight = g.ConstantOf(g.node(net.product).input(1))->ToFloats();
  for (size_t k = 0; k < 4; ++k) {
    EXPECT_FLOAT_EQ(gamma[k] * weight[3 * k], 6.0f);
    EXPECT_FLOAT_EQ(beta[k] * weight[3 * k], 2.0f);
  }
}

TEST(SmoothQuant, MakesNoCopiesOfAWeightThatSeveralNodesRead) {
  Product net(100);
  Graph& g = net.graph;
  const ValueId w = g.node(net.product).input(1);
  const ValueId other =
      g.AddInput("other", DType::kFloat32, Shape::Of({1, 2, 4}));
  g.AddOutput(g.Emit("MatMul", {other, w}, "z"));
  EXPECT_EQ(net.Smooth(), 0);
}

TEST(SmoothQuant, LeavesEvenChannelsAlone) {
  Product net(1);
  EXPECT_EQ(net.Smooth(), 0);
  EXPECT_THAT(
      net.graph.ConstantOf(net.graph.node(net.product).input(1))->ToFloats(),
      Each(FloatEq(1.0f)));
}

// ---- bias-correction

TEST(BiasCorrection, CorrectsTheAddBehindAMatMul) {
  Product net(1);
  Graph& g = net.graph;
  const ValueId y = g.node(net.product).output();
  const ValueId bias = g.AddConstant("bias", Tensor::Of<float>({3}, {1, 2, 3}));
  const ValueId sum = g.Emit("Add", {y, bias}, "sum");
  g.SetOutputs({sum});
  // Mean 0.5 in channel 0: two elements that add up to 1.
  net.calibration.values.at("in").channel_sum[0].Add(1.0);
  const Graph original = g;
  // Weight 1 stored as 1 * 1.25 for every element: channel 0 adds
  // 0.25 * 0.5 = 0.125 to each output's mean.
  Tensor stored(DType::kInt8, {4, 3});
  std::fill_n(stored.mutable_data<int8_t>(), 12, int8_t{1});
  const ValueId w = g.AddConstant("w_quantized", std::move(stored));
  g.value(w).dtype = DType::kFloat32;
  g.value(w).quant = PerTensor(DType::kInt8, 1.25f, 0);
  g.ReplaceInput(net.product, 1, w);
  const Recipe recipe;
  const Context context;
  EXPECT_EQ(Method("bias-correction")
                .correct({original, &net.calibration, recipe,
                          FindTarget(recipe.target), context},
                         g),
            1);
  const Node& add = g.node(g.value(sum).producer);
  EXPECT_THAT(g.ConstantOf(add.input(1))->ToFloats(),
              ::testing::ElementsAre(0.875f, 1.875f, 2.875f));
}

TEST(BiasCorrection, TapsOnPaddingDoNotCount) {
  Graph g;
  const ValueId x = g.AddInput("x", DType::kFloat32, Shape::Of({1, 1, 1}));
  const ValueId w = g.AddConstant("w", Filled({1, 1, 3}, 1.0f));
  const ValueId y =
      g.Emit("Conv", {x, w}, "y", {{"pads", std::vector<int64_t>{1, 1}}});
  g.AddOutput(y);
  InferShapes(g);
  Calibration calibration;
  ValueStatistics& s = calibration.values["x"];
  s.channel_axis = 1;
  s.channel_count = 1;
  s.channel_sum.resize(1);
  s.channel_sum[0].Add(2.0);
  const Graph original = g;
  Tensor stored(DType::kInt8, {1, 1, 3});
  std::fill_n(stored.mutable_data<int8_t>(), 3, int8_t{1});
  const ValueId q = g.AddConstant("w_quantized", std::move(stored));
  g.value(q).dtype = DType::kFloat32;
  g.value(q).quant = PerTensor(DType::kInt8, 1.25f, 0);
  const NodeId conv = g.value(y).producer;
  g.ReplaceInput(conv, 1, q);
  const Recipe recipe;
  const Context context;
  Method("bias-correction")
      .correct({original, &calibration, recipe, FindTarget("x86"), context}, g);
  // Only the middle tap reads the map: 0.25 * 2.
  EXPECT_FLOAT_EQ(g.ConstantOf(g.node(conv).input(2))->ToFloats()[0], -0.5f);
}

// ---- the default observer

TEST(DefaultObserver, CutsTailsOnlyWhereChannelsAreWellObserved) {
  ValueStatistics s;
  s.histogram.Add(std::vector<float>{1, 2});
  s.blocks[0] = {1, 2};
  s.channel_count = 8;  // eight samples at most, a number each
  EXPECT_EQ(DefaultObserver(s), "min_max");
  s.channel_count = 800;
  EXPECT_EQ(DefaultObserver(s), "mse");
}

TEST(DefaultObserver, TakesTheExtremesWhenNothingElseIsKnown) {
  ValueStatistics s;
  s.minimum = -1;
  s.maximum = 3;
  s.channel_count = 1000;
  const Recipe recipe;
  const Range range = CalibratedRange(s, recipe, FindTarget("x86"), "mse");
  EXPECT_EQ(range.low, -1);
  EXPECT_EQ(range.high, 3);
}

}  // namespace
}  // namespace squint
