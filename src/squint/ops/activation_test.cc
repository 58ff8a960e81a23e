#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_activation() {
  std::vector<OpExample> examples;
  for (const char* type :
       {"Celu", "Elu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "Relu",
        "Selu", "Shrink", "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh",
        "ThresholdedRelu"}) {
    examples.push_back(
        OpExample(type, "both signs").In(Ramp({2, 3, 4}, -4, 4)));
  }
  examples.push_back(OpExample("Relu", "no elements").In(Ramp({2, 0})));
  examples.push_back(OpExample("Shrink", "uint8")
                         .In(Ints({4}, {0, 1, 2, 255}).CastTo(DType::kUint8))
                         .Set("lambd", 1.5f)
                         .Set("bias", 1.5f));
  examples.push_back(
      OpExample("Swish", "scalar").In(Floats({}, {2})).Set("alpha", 0.5f));
  return examples;
}

namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::FloatNear;
using testing::Pointwise;

TEST(Activation, ValuesAreThoseOfOnnxRuntime) {
  const std::vector<float> x = {-2.5f, -1.0f, 0.0f, 0.3f, 4.0f};
  EXPECT_THAT(ApplyTo("Sigmoid", x),
              Pointwise(FloatEq(), {0.07585818f, 0.26894143f, 0.5f, 0.5744425f,
                                    0.98201376f}));
  EXPECT_THAT(
      ApplyTo("HardSwish", x),
      Pointwise(FloatEq(), {-0.20833333f, -0.33333334f, 0.0f, 0.165f, 4.0f}));
  EXPECT_THAT(ApplyTo("HardSigmoid", x),
              Pointwise(FloatEq(), {0.0f, 0.3f, 0.5f, 0.56f, 1.0f}));
  EXPECT_THAT(ApplyTo("Softplus", x),
              Pointwise(FloatEq(), {0.07888974f, 0.31326166f, 0.6931472f,
                                    0.85435522f, 4.01814993f}));
  EXPECT_THAT(
      ApplyTo("Elu", x),
      Pointwise(FloatEq(), {-0.91791499f, -0.63212055f, 0.0f, 0.3f, 4.0f}));
}

TEST(Activation, AttributesReplaceTheDefaults) {
  EXPECT_THAT(ApplyTo("LeakyRelu", {-2.0f, 3.0f}),
              Pointwise(FloatEq(), {-0.02f, 3.0f}));
  EXPECT_THAT(ApplyTo("LeakyRelu", {-2.0f, 3.0f}, {{"alpha", 0.5f}}),
              Pointwise(FloatEq(), {-1.0f, 3.0f}));
  EXPECT_THAT(
      ApplyTo("HardSigmoid", {1.0f}, {{"alpha", 0.25f}, {"beta", 0.125f}}),
      ElementsAre(0.375f));
}

TEST(Activation, MishIsXTimesTanhOfSoftplus) {
  // 1 * tanh(log(1 + e)), and vanishing far to the left.
  EXPECT_THAT(ApplyTo("Mish", {1.0f, 0.0f, -200.0f}),
              ElementsAre(FloatEq(0.86509838826731f), 0, FloatEq(0)));
}

TEST(Activation, SoftplusNeitherOverflowsNorVanishes) {
  EXPECT_THAT(ApplyTo("Softplus", {1000.0f, -1000.0f}), ElementsAre(1000, 0));
}

TEST(Activation, NanStaysNan) {
  for (const char* type : {"Relu", "HardSigmoid", "Tanh", "LeakyRelu"}) {
    EXPECT_TRUE(std::isnan(ApplyTo(type, {NAN})[0])) << type;
  }
}

TEST(Activation, ReluOnlyClampsAndSigmoidHasUnitRange) {
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

TEST(Activation, CeluAndSeluAreSmoothOnTheLeft) {
  // 2 (e^(-1/2) - 1), and 0.5 (e^(-2) - 1).
  EXPECT_THAT(ApplyTo("Celu", {-1.0f, 0.0f, 3.0f}, {{"alpha", 2.0f}}),
              ElementsAre(FloatEq(-0.78693868f), 0, 3));
  EXPECT_THAT(ApplyTo("Celu", {-1.0f}, {{"alpha", 0.5f}}),
              ElementsAre(FloatEq(-0.43233236f)));
  // gamma alpha (e^-1 - 1) and gamma.
  EXPECT_THAT(ApplyTo("Selu", {-1.0f, 0.0f, 1.0f}),
              ElementsAre(FloatEq(-1.1113307f), 0, FloatEq(1.050701f)));
  EXPECT_THAT(
      ApplyTo("Selu", {-1.0f, 1.0f}, {{"alpha", 2.0f}, {"gamma", 3.0f}}),
      ElementsAre(FloatEq(-3.7927234f), 3));
}

TEST(Activation, SoftsignApproachesOne) {
  EXPECT_THAT(ApplyTo("Softsign", {-1.0f, 0.0f, 3.0f}),
              ElementsAre(-0.5f, 0, 0.75f));
}

TEST(Activation, SwishIsXTimesSigmoidOfAlphaX) {
  // 2 / (1 + e^-2) and 2 / (1 + e^-1).
  EXPECT_THAT(ApplyTo("Swish", {2.0f, -200.0f}),
              ElementsAre(FloatEq(1.7615942f), FloatNear(0, 1e-20f)));
  EXPECT_THAT(ApplyTo("Swish", {2.0f}, {{"alpha", 0.5f}}),
              ElementsAre(FloatEq(1.4621172f)));
}

TEST(Activation, TheThresholdItselfIsCutOff) {
  EXPECT_THAT(ApplyTo("ThresholdedRelu", {0.5f, 1.0f, 1.5f, -2.0f}),
              ElementsAre(0, 0, 1.5f, 0));
  EXPECT_THAT(ApplyTo("ThresholdedRelu", {-2.0f, 0.0f}, {{"alpha", -1.0f}}),
              ElementsAre(0, 0));
}

TEST(Activation, ShrinkMovesBothSidesTowardsZero) {
  EXPECT_THAT(ApplyTo("Shrink", {-2.0f, -1.5f, 0.5f, 1.5f, 2.0f},
                      {{"lambd", 1.5f}, {"bias", 1.5f}}),
              ElementsAre(-0.5f, 0, 0, 0, 0.5f));
  EXPECT_THAT(ApplyTo("Shrink", {-2.0f, 0.25f, 2.0f}), ElementsAre(-2, 0, 2));
}

TEST(Activation, ShrunkIntegersWrapAround) {
  const Tensor y = RunExample(OpExample("Shrink", "")
                                  .In(Ints({2}, {3, 0}).CastTo(DType::kUint8))
                                  .Set("bias", 5.0f))[0];
  EXPECT_EQ(y.dtype(), DType::kUint8);
  EXPECT_THAT(y.ToInts(), ElementsAre(254, 0));
}

}  // namespace
}  // namespace squint
