#include "squint/ops/recurrent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace squint {
namespace {

double Value(const std::string& name, double x, std::vector<float> alpha = {},
             std::vector<float> beta = {}) {
  return GateActivation(name, alpha, beta)(x);
}

TEST(GateActivation, KnowsEveryNameOfTheStandard) {
  EXPECT_DOUBLE_EQ(Value("Sigmoid", 0), 0.5);
  EXPECT_DOUBLE_EQ(Value("Tanh", 0.5), std::tanh(0.5));
  EXPECT_DOUBLE_EQ(Value("Relu", -1), 0);
  EXPECT_DOUBLE_EQ(Value("Affine", 3, {2}, {1}), 7);
  EXPECT_NEAR(Value("LeakyRelu", -1), -0.01, 1e-8);
  EXPECT_DOUBLE_EQ(Value("ThresholdedRelu", 0.5), 0);
  EXPECT_DOUBLE_EQ(Value("ScaledTanh", 1, {2}, {0.5}), 2 * std::tanh(0.5));
  EXPECT_NEAR(Value("HardSigmoid", 1), 0.7, 1e-7);
  EXPECT_DOUBLE_EQ(Value("HardSigmoid", 9), 1);
  EXPECT_DOUBLE_EQ(Value("Elu", -1), std::expm1(-1));
  EXPECT_DOUBLE_EQ(Value("Softsign", -1), -0.5);
  EXPECT_DOUBLE_EQ(Value("Softplus", 0), std::log(2.0));
  EXPECT_DOUBLE_EQ(Value("Softplus", 1000), 1000);
}

TEST(GateActivation, IgnoresCaseAndRejectsTheUnknown) {
  EXPECT_DOUBLE_EQ(Value("sigmoid", 0), 0.5);
  EXPECT_THROW(Value("Swish", 0), Error);
}

}  // namespace
}  // namespace squint
