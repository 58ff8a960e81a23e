#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_unary() {
  std::vector<OpExample> examples;
  for (const char* type :
       {"Abs", "Ceil", "Elu", "Erf", "Exp", "Floor", "HardSigmoid", "HardSwish",
        "LeakyRelu", "Mish", "Neg", "Relu", "Round", "Sigmoid", "Softplus",
        "Tanh"}) {
    examples.push_back(
        OpExample(type, "both signs").In(Ramp({2, 3, 4}, -4, 4)));
  }
  for (const char* type : {"Log", "Reciprocal", "Sqrt"}) {
    examples.push_back(OpExample(type, "positive").In(Ramp({2, 5}, 0.1f, 4)));
  }
  examples.push_back(OpExample("Relu", "no elements").In(Ramp({2, 0})));
  examples.push_back(OpExample("Abs", "int64").In(Ints({3}, {-5, 0, 7})));
  return examples;
}

namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::Pointwise;

std::vector<float> Apply(const char* type, std::vector<float> x,
                         Attributes attributes = {}) {
  const auto count = static_cast<int64_t>(x.size());
  OpExample example = OpExample(type, "").In(Floats({count}, std::move(x)));
  example.attributes = std::move(attributes);
  return FloatsOf(example);
}

TEST(Unary, RoundGoesToTheEvenNeighbour) {
  EXPECT_THAT(Apply("Round", {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 0.49f}),
              ElementsAre(0, 2, 2, 0, -2, 0));
}

TEST(Unary, ValuesAreThoseOfOnnxRuntime) {
  const std::vector<float> x = {-2.5f, -1.0f, 0.0f, 0.3f, 4.0f};
  EXPECT_THAT(Apply("Sigmoid", x),
              Pointwise(FloatEq(), {0.07585818f, 0.26894143f, 0.5f, 0.5744425f,
                                    0.98201376f}));
  EXPECT_THAT(Apply("Erf", x), Pointwise(FloatEq(), {-0.99959305f, -0.8427008f,
                                                     0.0f, 0.32862676f, 1.0f}));
  EXPECT_THAT(
      Apply("HardSwish", x),
      Pointwise(FloatEq(), {-0.20833333f, -0.33333334f, 0.0f, 0.165f, 4.0f}));
  EXPECT_THAT(Apply("HardSigmoid", x),
              Pointwise(FloatEq(), {0.0f, 0.3f, 0.5f, 0.56f, 1.0f}));
  EXPECT_THAT(Apply("Softplus", x),
              Pointwise(FloatEq(), {0.07888974f, 0.31326166f, 0.6931472f,
                                    0.85435522f, 4.01814993f}));
  EXPECT_THAT(Apply("Elu", x), Pointwise(FloatEq(), {-0.91791499f, -0.63212055f,
                                                     0.0f, 0.3f, 4.0f}));
}

TEST(Unary, AttributesReplaceTheDefaults) {
  EXPECT_THAT(Apply("LeakyRelu", {-2.0f, 3.0f}),
              Pointwise(FloatEq(), {-0.02f, 3.0f}));
  EXPECT_THAT(Apply("LeakyRelu", {-2.0f, 3.0f}, {{"alpha", 0.5f}}),
              Pointwise(FloatEq(), {-1.0f, 3.0f}));
  EXPECT_THAT(
      Apply("HardSigmoid", {1.0f}, {{"alpha", 0.25f}, {"beta", 0.125f}}),
      ElementsAre(0.375f));
}

TEST(Unary, MishIsXTimesTanhOfSoftplus) {
  // 1 * tanh(log(1 + e)), and vanishing far to the left.
  EXPECT_THAT(Apply("Mish", {1.0f, 0.0f, -200.0f}),
              ElementsAre(FloatEq(0.86509838826731f), 0, FloatEq(0)));
}

TEST(Unary, SoftplusNeitherOverflowsNorVanishes) {
  EXPECT_THAT(Apply("Softplus", {1000.0f, -1000.0f}), ElementsAre(1000, 0));
}

TEST(Unary, NanStaysNan) {
  for (const char* type : {"Relu", "HardSigmoid", "Tanh", "LeakyRelu"}) {
    EXPECT_TRUE(std::isnan(Apply(type, {NAN})[0])) << type;
  }
}

TEST(Unary, NarrowFloatsKeepTheirType) {
  const Tensor x = Floats({2}, {-1.0f, 2.0f}).CastTo(DType::kFloat16);
  const Tensor y = RunExample(OpExample("Relu", "").In(x))[0];
  EXPECT_EQ(y.dtype(), DType::kFloat16);
  EXPECT_THAT(y.ToFloats(), ElementsAre(0, 2));
}

TEST(Unary, ReluOnlyClampsAndSigmoidHasUnitRange) {
  const Target target;
  for (const char* type : {"Relu", "Sigmoid", "HardSigmoid"}) {
    const Graph graph = GraphOf(OpExample(type, "").In(Ramp({4})));
    const QuantSpec spec = FindOp(type)->quantize(
        {graph, graph.node(graph.order().front()), target});
    EXPECT_EQ(spec.clamp.has_value(), std::string_view(type) == "Relu");
    // HardSigmoid reaches 1, which 255/256 would cut off.
    EXPECT_EQ(spec.outputs[0].unit_range, std::string_view(type) == "Sigmoid");
  }
}

TEST(Unary, IntegersAreNotQuantized) {
  const Graph graph = GraphOf(OpExample("Abs", "").In(Ints({2}, {1, 2})));
  const Target target;
  EXPECT_EQ(FindOp("Abs")
                ->quantize({graph, graph.node(graph.order().front()), target})
                .reason,
            "works on int64, not on real numbers");
}

}  // namespace
}  // namespace squint
