#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_trigonometry() {
  std::vector<OpExample> examples;
  for (const char* type : {"Asinh", "Atan", "Cos", "Cosh", "Sin", "Sinh"}) {
    examples.push_back(OpExample(type, "both signs").In(Ramp({2, 9}, -3, 3)));
  }
  for (const char* type : {"Acos", "Asin", "Atanh", "Tan"}) {
    examples.push_back(
        OpExample(type, "between -1 and 1").In(Ramp({2, 9}, -0.9f, 0.9f)));
  }
  examples.push_back(OpExample("Acosh", "from 1 on").In(Ramp({2, 9}, 1, 5)));
  return examples;
}

namespace {

float At(const char* type, float x) {
  return FloatsOf(OpExample(type, "").In(Floats({1}, {x})))[0];
}

TEST(Trigonometry, FunctionsHaveTheirKnownValues) {
  EXPECT_FLOAT_EQ(At("Sin", 0.5f), 0.47942554f);
  EXPECT_FLOAT_EQ(At("Cos", 0.5f), 0.87758256f);
  EXPECT_FLOAT_EQ(At("Tan", 0.5f), 0.54630249f);
  EXPECT_FLOAT_EQ(At("Sinh", 0.5f), 0.52109531f);
  EXPECT_FLOAT_EQ(At("Cosh", 0.5f), 1.1276260f);
}

TEST(Trigonometry, InversesUndoTheirFunctions) {
  EXPECT_FLOAT_EQ(At("Asin", 0.47942554f), 0.5f);
  EXPECT_FLOAT_EQ(At("Acos", 0.87758256f), 0.5f);
  EXPECT_FLOAT_EQ(At("Atan", 0.54630249f), 0.5f);
  EXPECT_FLOAT_EQ(At("Asinh", 0.52109531f), 0.5f);
  EXPECT_FLOAT_EQ(At("Acosh", 1.1276260f), 0.5f);
  EXPECT_FLOAT_EQ(At("Atanh", 0.46211716f), 0.5f);
}

TEST(Trigonometry, OutsideTheDomainThereIsNoNumber) {
  EXPECT_TRUE(std::isnan(At("Asin", 1.5f)));
  EXPECT_TRUE(std::isnan(At("Acos", -1.5f)));
  EXPECT_TRUE(std::isnan(At("Acosh", 0.5f)));
  EXPECT_TRUE(std::isnan(At("Atanh", 1.5f)));
}

TEST(Trigonometry, DoublesAreComputedInDouble) {
  const Tensor x = Tensor::Scalar<double>(0.5);
  const Tensor y = RunExample(OpExample("Sin", "").In(x))[0];
  EXPECT_DOUBLE_EQ(y.data<double>()[0], 0.479425538604203);
}

TEST(Trigonometry, OnlyFunctionsOfModerateSlopeAreQuantized) {
  const Target target;
  const std::vector<std::pair<const char*, bool>> expected = {{"Atan", true},
                                                              {"Sinh", true},
                                                              {"Sin", false},
                                                              {"Tan", false},
                                                              {"Acos", false}};
  for (const auto& [type, quantized] : expected) {
    const Graph graph = GraphOf(OpExample(type, "").In(Ramp({4})));
    const QuantSpec spec = FindOp(type)->quantize(
        {graph, graph.node(graph.order().front()), target});
    EXPECT_EQ(spec.reason.empty(), quantized) << type;
  }
}

}  // namespace
}  // namespace squint
