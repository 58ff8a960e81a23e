#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_unary() {
  std::vector<OpExample> examples;
  for (const char* type :
       {"Abs", "Ceil", "Erf", "Exp", "Floor", "Neg", "Round", "Sign"}) {
    examples.push_back(
        OpExample(type, "both signs").In(Ramp({2, 3, 4}, -4, 4)));
  }
  for (const char* type : {"Log", "Reciprocal", "Sqrt"}) {
    examples.push_back(OpExample(type, "positive").In(Ramp({2, 5}, 0.1f, 4)));
  }
  examples.push_back(OpExample("Sign", "no elements").In(Ramp({2, 0})));
  examples.push_back(OpExample("Abs", "int64").In(Ints({3}, {-5, 0, 7})));
  return examples;
}

namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::Pointwise;

TEST(Unary, RoundGoesToTheEvenNeighbour) {
  EXPECT_THAT(ApplyTo("Round", {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 0.49f}),
              ElementsAre(0, 2, 2, 0, -2, 0));
}

TEST(Unary, ErfIsThatOfOnnxRuntime) {
  EXPECT_THAT(ApplyTo("Erf", {-2.5f, -1.0f, 0.0f, 0.3f, 4.0f}),
              Pointwise(FloatEq(),
                        {-0.99959305f, -0.8427008f, 0.0f, 0.32862676f, 1.0f}));
}

TEST(Unary, SignIsThatOfTheNumber) {
  EXPECT_THAT(ApplyTo("Sign", {-2.5f, 0.0f, -0.0f, 1e-30f}),
              ElementsAre(-1, 0, 0, 1));
  EXPECT_TRUE(std::isnan(ApplyTo("Sign", {NAN})[0]));
  EXPECT_THAT(
      RunExample(OpExample("Sign", "").In(Ints({3}, {-7, 0, 9})))[0].ToInts(),
      ElementsAre(-1, 0, 1));
}

TEST(Unary, TheMostNegativeIntegerHasNoAbsoluteValue) {
  const Tensor x = Ints({2}, {-128, -127}).CastTo(DType::kInt8);
  EXPECT_THAT(RunExample(OpExample("Abs", "").In(x))[0].ToInts(),
              ElementsAre(-128, 127));
}

TEST(Unary, NarrowFloatsKeepTheirType) {
  const Tensor x = Floats({2}, {-1.0f, 2.0f}).CastTo(DType::kFloat16);
  const Tensor y = RunExample(OpExample("Abs", "").In(x))[0];
  EXPECT_EQ(y.dtype(), DType::kFloat16);
  EXPECT_THAT(y.ToFloats(), ElementsAre(1, 2));
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
