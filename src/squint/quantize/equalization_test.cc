// Methods that move scale and shift between layers, on networks whose answer
// is known by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/quantize/method.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::FloatNear;
using ::testing::Pointwise;

const MethodDef& Method(std::string_view name) {
  for (const MethodDef* method : AllMethods()) {
    if (method->name == name) return *method;
  }
  throw std::runtime_error("no such method");
}

// x [1, 2, 2, 2], 1 x 1 convolutions, and statistics of two channels.
struct Net {
  Graph graph;
  Calibration calibration;
  ValueId x = kNoValue;

  Net() {
    graph.opset[""] = 25;
    x = graph.AddInput("x", DType::kFloat32, Shape::Of({1, 2, 2, 2}));
  }

  ValueId Conv(ValueId in, const std::vector<float>& weight,
               const std::vector<float>& bias, const std::string& name,
               int64_t groups = 1) {
    const auto inputs = static_cast<int64_t>(2 / groups);
    const auto outputs = static_cast<int64_t>(bias.size());
    const ValueId w = graph.AddConstant(
        name + "_w", Tensor::Of<float>({outputs, inputs, 1, 1}, weight));
    const ValueId b =
        graph.AddConstant(name + "_b", Tensor::Of<float>({outputs}, bias));
    return graph.Emit("Conv", {in, w, b}, name, {{"group", groups}});
  }
  ValueId Clip(ValueId in, float high, const std::string& name) {
    return graph.Emit(
        "Clip",
        {in, graph.AddConstant("low", Tensor::Scalar<float>(0.0f)),
         graph.AddConstant("high", Tensor::Scalar<float>(high))},
        name);
  }
  void Observe(const std::string& name, std::vector<float> low,
               std::vector<float> high) {
    ValueStatistics& s = calibration.values[name];
    s.count = 8;
    s.channel_axis = 1;
    s.channel_count = 4;
    s.channel_sum.resize(2);
    s.channel_sum[0].Add(4.0 * static_cast<double>(high[0]));
    s.channel_minimum = std::move(low);
    s.channel_maximum = std::move(high);
  }
  void Finish(ValueId out) {
    graph.AddOutput(out);
    InferShapes(graph);
  }

  int Apply(std::string_view method, const Recipe& recipe = {}) {
    const Graph before = graph;
    const Calibration statistics = calibration;
    const Context context;
    return Method(method).rewrite(
        {before, &statistics, recipe, FindTarget(recipe.target), context}, {},
        graph, calibration);
  }
  std::vector<float> Constant(const std::string& layer, size_t input) const {
    for (const NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      if (graph.value(node.output()).name.starts_with(layer)) {
        return graph.ConstantOf(node.input(input))->ToFloats();
      }
    }
    throw std::runtime_error("no such layer");
  }
  std::vector<float> Run() const {
    const auto input = Tensor::Of<float>(
        {1, 2, 2, 2}, {0.5f, -1, 0.25f, 1, -0.5f, 0.75f, 1, 0.125f});
    return Interpret(graph, {input})[0].ToFloats();
  }
};

// Ranges of the first layer's outputs 4 and 1, of the second's inputs 1 and 4.
Net Pair() {
  Net net;
  const ValueId a = net.Conv(net.x, {4, 1, 0, 1}, {1, 2}, "a");
  const ValueId r = net.graph.Emit("Relu", {a}, "r");
  net.Observe("r", {0, 0}, {8, 2});
  net.Finish(net.Conv(r, {1, 4, 0.5f, 2}, {0, 0}, "b"));
  return net;
}

TEST(Equalization, GivesEachChannelTheSamePartOfBothRanges) {
  Net net = Pair();
  const std::vector<float> before = net.Run();
  ASSERT_EQ(net.Apply("equalization"), 1);
  // s = sqrt((4 / 4) / (1 / 4)) = 2 and sqrt((1 / 4) / (4 / 4)) = 1 / 2.
  EXPECT_THAT(net.Constant("a", 1), ElementsAre(2, 0.5f, 0, 2));
  EXPECT_THAT(net.Constant("a", 2), ElementsAre(0.5f, 4));
  EXPECT_THAT(net.Constant("b", 1), ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(net.Run(), Pointwise(FloatEq(), before));
}

TEST(Equalization, TellsWhatBecameOfTheStatistics) {
  Net net = Pair();
  ASSERT_EQ(net.Apply("equalization"), 1);
  EXPECT_FALSE(net.calibration.values.contains("r"));
  const ValueStatistics& s = net.calibration.values.at("r_equalized");
  EXPECT_THAT(s.channel_maximum, ElementsAre(4, 4));
  EXPECT_EQ(s.maximum, 4);
  EXPECT_EQ(s.channel_mean(0), 4);
  EXPECT_TRUE(s.histogram.empty());
}

TEST(Equalization, BalancesADepthwiseLayerWithBothOfItsNeighbours) {
  Net net;
  const ValueId a = net.Conv(net.x, {8, 0, 0, 1}, {0, 0}, "a");
  const ValueId d =
      net.Conv(net.graph.Emit("Relu", {a}, "ar"), {1, 1}, {0, 0}, "d", 2);
  const ValueId r = net.graph.Emit("LeakyRelu", {d}, "dr");
  net.Finish(net.Conv(r, {1, 1, 1, 1}, {0, 0}, "b"));
  const std::vector<float> before = net.Run();
  ASSERT_EQ(net.Apply("equalization"), 2);
  // Channel 0 is 8, 1 and 1 times channel 1 before, twice in each then.
  const auto ratio = [&](const std::string& layer, size_t i, size_t k) {
    return net.Constant(layer, 1)[i] / net.Constant(layer, 1)[k];
  };
  EXPECT_NEAR(ratio("a", 0, 3), 2, 0.02);
  EXPECT_NEAR(ratio("d", 0, 1), 2, 0.02);
  EXPECT_NEAR(ratio("b", 0, 1), 2, 0.02);
  EXPECT_THAT(net.Run(), Pointwise(FloatNear(1e-5f), before));
}

TEST(Equalization, KeepsChannelsThatMeetTheLimitOfAClip) {
  Net net;
  const ValueId a = net.Conv(net.x, {4, 1, 0, 1}, {1, 2}, "a");
  net.Observe("r", {0, 0}, {6, 3});
  net.Finish(net.Conv(net.Clip(a, 6, "r"), {1, 4, 0.5f, 2}, {0, 0}, "b"));
  const std::vector<float> before = net.Run();
  ASSERT_EQ(net.Apply("equalization"), 1);
  const std::vector<float> w = net.Constant("a", 1);
  EXPECT_EQ(w[0], 4);
  // 3 may grow to 6 but for a quarter in reserve: by 1.6 at most.
  EXPECT_FLOAT_EQ(w[3], 1.6f);
  EXPECT_THAT(net.Run(), Pointwise(FloatEq(), before));
}

TEST(Equalization, LetsNoChannelGrowBeyondTheLargest) {
  Net net = Pair();
  net.Observe("r", {0, 0}, {8, 6});
  ASSERT_EQ(net.Apply("equalization"), 1);
  // Channel 1 would double; 6 may become 8.
  EXPECT_FLOAT_EQ(net.Constant("a", 1)[3], 8.0f / 6);
}

TEST(Equalization, LeavesBranchesAndGraphOutputsAlone) {
  Net net = Pair();
  net.graph.AddOutput(net.graph.FindValue("r"));
  EXPECT_EQ(net.Apply("equalization"), 0);
}

TEST(Equalization, LeavesValuesAloneWhoseRangeTheUserGives) {
  Net net = Pair();
  Recipe recipe;
  recipe.tensors["r"].range = {0.0, 8.0};
  EXPECT_EQ(net.Apply("equalization", recipe), 0);
}

TEST(BiasAbsorption, MovesWhatAChannelAlwaysExceedsIntoTheNextBias) {
  Net net;
  const ValueId a = net.Conv(net.x, {1, 0, 0, 1}, {4, 0}, "a");
  const ValueId r = net.graph.Emit("Relu", {a}, "r");
  net.Observe("r", {2, 0}, {5, 1});
  net.Finish(net.Conv(r, {3, 0, 5, 1}, {1, 1}, "b"));
  const std::vector<float> before = net.Run();
  ASSERT_EQ(net.Apply("bias-absorption"), 1);
  EXPECT_THAT(net.Constant("a", 2), ElementsAre(2, 0));
  EXPECT_THAT(net.Constant("b", 2), ElementsAre(7, 11));
  EXPECT_THAT(net.Run(), Pointwise(FloatEq(), before));
  const ValueStatistics& s = net.calibration.values.at("r_equalized");
  EXPECT_THAT(s.channel_minimum, ElementsAre(0, 0));
  EXPECT_THAT(s.channel_maximum, ElementsAre(3, 1));
}

TEST(BiasAbsorption, NeedsALayerWithoutPaddingAndALimitNotMet) {
  Net net;
  const ValueId a = net.Conv(net.x, {1, 0, 0, 1}, {4, 0}, "a");
  net.Observe("r", {2, 0}, {5, 1});
  net.Finish(net.Conv(net.Clip(a, 5, "r"), {3, 0, 5, 1}, {1, 1}, "b"));
  EXPECT_EQ(net.Apply("bias-absorption"), 0);
}

}  // namespace
}  // namespace squint
