#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_binary() {
  std::vector<OpExample> examples;
  for (const char* type : {"Add", "Sub", "Mul", "Min", "Max", "Sum", "Mean"}) {
    examples.push_back(OpExample(type, "equal shapes")
                           .In(Ramp({2, 3, 4}, -1, 2))
                           .In(Ramp({2, 3, 4}, -2, 1, 2)));
    examples.push_back(OpExample(type, "per channel constant")
                           .In(Ramp({2, 3, 4}, -1, 2))
                           .Const(Ramp({3, 1}, -2, 1, 2)));
  }
  examples.push_back(OpExample("Add", "scalar first")
                         .Const(Ramp({1}, -1, 1))
                         .In(Ramp({2, 5}, -1, 1, 2)));
  examples.push_back(OpExample("Mul", "both sides repeat")
                         .In(Ramp({2, 1, 3}))
                         .In(Ramp({2, 4, 1}, -1, 1, 2)));
  examples.push_back(OpExample("Max", "three inputs")
                         .In(Ramp({2, 3}))
                         .Const(Ramp({3}, -1, 1, 2))
                         .Const(Ramp({1}, -1, 1, 3)));
  examples.push_back(OpExample("Div", "by a constant")
                         .In(Ramp({2, 3}))
                         .Const(Ramp({3}, 1, 2, 2)));
  examples.push_back(OpExample("Div", "by a computed tensor")
                         .In(Ramp({2, 3}))
                         .In(Ramp({2, 3}, 1, 2, 2)));
  examples.push_back(OpExample("PRelu", "one slope per channel")
                         .In(Ramp({2, 3, 4}, -2, 2))
                         .Const(Ramp({3, 1}, 0, 0.5f, 2)));
  examples.push_back(OpExample("Pow", "square")
                         .In(Ramp({2, 3}, -2, 2))
                         .Const(Floats({}, {2})));
  examples.push_back(OpExample("Mod", "floats, sign of the dividend")
                         .In(Ramp({2, 3}, -5, 5))
                         .Const(Floats({}, {1.5f}))
                         .Set("fmod", int64_t{1}));
  examples.push_back(OpExample("Mod", "integers, sign of the divisor")
                         .In(Ints({2, 2}, {-7, 7, -7, 7}))
                         .Const(Ints({2}, {3, -3})));
  return examples;
}

namespace {

using testing::ElementsAre;

std::vector<float> Apply(const char* type, const Tensor& a, const Tensor& b) {
  return FloatsOf(OpExample(type, "").In(a).In(b));
}

TEST(Binary, BroadcastsAsNumpyDoes) {
  EXPECT_THAT(Apply("Add", Floats({2, 1}, {10, 20}), Floats({3}, {1, 2, 3})),
              ElementsAre(11, 12, 13, 21, 22, 23));
  EXPECT_THAT(Apply("Sub", Floats({}, {1}), Floats({2, 1, 1}, {5, 7})),
              ElementsAre(-4, -6));
  EXPECT_TRUE(Apply("Mul", Floats({0}, {}), Floats({1}, {2})).empty());
}

TEST(Binary, ShapesThatDoNotFitAreAnError) {
  EXPECT_THROW(Apply("Add", Ramp({2}), Ramp({3})), Error);
  Graph graph = GraphOf(OpExample("Add", "").In(Ramp({2})).In(Ramp({3})));
  EXPECT_THROW(InferShapes(graph), Error);
}

TEST(Binary, IntegersDivideTowardZeroAndRefuseZero) {
  const auto divide = [](int64_t a, int64_t b) {
    return RunExample(
               OpExample("Div", "").In(Ints({}, {a})).In(Ints({}, {b})))[0]
        .ToInts()[0];
  };
  EXPECT_EQ(divide(-7, 2), -3);
  EXPECT_EQ(divide(7, -2), -3);
  EXPECT_EQ(divide(INT64_MIN, -1), INT64_MIN);
  EXPECT_THROW(divide(1, 0), Error);
}

TEST(Binary, IntegersAreExactBeyondDoubles) {
  const int64_t big = (int64_t{1} << 53) + 1;
  EXPECT_EQ(
      RunExample(OpExample("Add", "").In(Ints({}, {big})).In(Ints({}, {2})))[0]
          .ToInts()[0],
      big + 2);
}

TEST(Binary, NanWinsInMinAndMax) {
  EXPECT_TRUE(std::isnan(Apply("Max", Floats({}, {NAN}), Floats({}, {1}))[0]));
  EXPECT_TRUE(std::isnan(Apply("Min", Floats({}, {1}), Floats({}, {NAN}))[0]));
}

TEST(Binary, MeanDividesByTheNumberOfInputs) {
  EXPECT_THAT(FloatsOf(OpExample("Mean", "")
                           .In(Floats({2}, {1, 2}))
                           .In(Floats({2}, {3, 5}))
                           .In(Floats({1}, {5}))),
              ElementsAre(3, 4));
}

TEST(Binary, PReluScalesNegativeNumbersOnly) {
  EXPECT_THAT(
      Apply("PRelu", Floats({2, 2}, {-2, 4, -6, 0}), Floats({2}, {0.5f, 9})),
      ElementsAre(-1, 4, -3, 0));
}

TEST(Binary, PowTakesAnExponentOfAnotherType) {
  EXPECT_THAT(
      FloatsOf(
          OpExample("Pow", "").In(Floats({2}, {2, 3})).In(Ints({2}, {3, 2}))),
      ElementsAre(8, 9));
  EXPECT_EQ(
      RunExample(
          OpExample("Pow", "").In(Ints({}, {9})).In(Floats({}, {0.5f})))[0]
          .ToInts()[0],
      3);
}

// Integers of both operands, as stored, through one quantized node.
std::vector<int64_t> RunStored(const char* type, const QuantParams& a,
                               std::vector<uint8_t> qa, const QuantParams& b,
                               std::vector<uint8_t> qb, const QuantParams& c) {
  Graph graph = GraphOf(OpExample(type, "").In(Ramp({1})).In(Ramp({1})));
  const Node& node = graph.node(graph.order().front());
  const Tensor x = Tensor::Of<uint8_t>({static_cast<int64_t>(qa.size())}, qa);
  const Tensor y = Tensor::Of<uint8_t>({static_cast<int64_t>(qb.size())}, qb);
  RunContext context{node, {&x, &y}, {}, {&a, &b}, {&c}};
  context.outputs.resize(1);
  FindOp(type)->integer_reference(context);
  return context.outputs[0].ToInts();
}

// Expected numbers: QLinearAdd and QLinearMul of ONNX Runtime 1.32.
TEST(Binary, QuantizedAddAndMulAreThoseOfOnnxRuntime) {
  const QuantParams a = PerTensor(DType::kUint8, 0.0123f, 128);
  const QuantParams b = PerTensor(DType::kUint8, 0.0371f, 3);
  const QuantParams c = PerTensor(DType::kUint8, 0.0444f, 100);
  EXPECT_THAT(
      RunStored("Add", a, {0, 128, 255, 17, 200}, b, {255, 3, 0, 90, 201}, c),
      ElementsAre(255, 100, 133, 142, 255));
  EXPECT_THAT(
      RunStored("Mul", a, {0, 128, 255, 17, 200}, b, {255, 3, 0, 90, 201}, c),
      ElementsAre(0, 100, 96, 1, 247));
}

TEST(Binary, QuantizedAddSaturates) {
  const QuantParams p = PerTensor(DType::kUint8, 1.0f, 0);
  EXPECT_THAT(RunStored("Add", p, {255, 0}, p, {255, 0}, p),
              ElementsAre(255, 0));
  EXPECT_THAT(RunStored("Sub", p, {0, 9}, p, {255, 4}, p), ElementsAre(0, 5));
}

TEST(Binary, DividingByAComputedTensorStaysFloat) {
  const Graph graph = GraphOf(OpExample("Div", "").In(Ramp({2})).In(Ramp({2})));
  const Target target;
  EXPECT_NE(FindOp("Div")
                ->quantize({graph, graph.node(graph.order().front()), target})
                .reason,
            "");
}

TEST(Mod, TheSignIsThatOfTheDivisorOrOfTheDividend) {
  const auto mod = [](int64_t fmod) {
    return RunExample(OpExample("Mod", "")
                          .In(Ints({5}, {-7, 7, -7, 7, 6}))
                          .In(Ints({5}, {3, 3, -3, -3, -3}))
                          .Set("fmod", fmod))[0]
        .ToInts();
  };
  EXPECT_THAT(mod(0), ElementsAre(2, 1, -1, -2, 0));
  EXPECT_THAT(mod(1), ElementsAre(-1, 1, -1, 1, 0));
}

TEST(Mod, OfFloatsIsTheCFunction) {
  const auto fmod = [](float a, float b) {
    return FloatsOf(OpExample("Mod", "")
                        .In(Floats({}, {a}))
                        .In(Floats({}, {b}))
                        .Set("fmod", int64_t{1}))[0];
  };
  EXPECT_NEAR(fmod(-4.3f, 2.1f), -0.1f, 1e-6f);
  EXPECT_EQ(fmod(3.0f, INFINITY), 3.0f);
  EXPECT_TRUE(std::isnan(fmod(3.0f, 0.0f)));
}

TEST(Mod, IntegersAtTheirLimits) {
  const auto mod = [](int64_t a, int64_t b) {
    return RunExample(
               OpExample("Mod", "").In(Ints({}, {a})).In(Ints({}, {b})))[0]
        .ToInts()[0];
  };
  EXPECT_EQ(mod(INT64_MIN, -1), 0);
  EXPECT_EQ(mod(INT64_MAX, INT64_MIN), -1);
  EXPECT_THROW(mod(1, 0), Error);
}

TEST(Mod, SizesKeepTheirRemainder) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape({Dim::Symbol("N"), 10}));
  const ValueId shape = graph.Emit("Shape", {x}, "shape");
  const ValueId eight = graph.AddConstant("eight", Ints({1}, {8}));
  const ValueId rest = graph.Emit("Mod", {shape, eight}, "rest");
  const ValueId y = graph.Emit("ConstantOfShape", {rest}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape[1].ToString(), "2");
}

}  // namespace
}  // namespace squint
