#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

Tensor Bools(Dims dims, std::vector<int64_t> values) {
  return Ints(std::move(dims), std::move(values)).CastTo(DType::kBool);
}

}  // namespace

std::vector<OpExample> Examples_compare() {
  std::vector<OpExample> examples;
  for (const char* type :
       {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) {
    examples.push_back(OpExample(type, "per column")
                           .In(Ints({2, 3}, {1, 2, 3, 3, 2, 1}))
                           .Const(Ints({3}, {2, 2, 2})));
  }
  for (const char* type : {"And", "Or", "Xor"}) {
    examples.push_back(OpExample(type, "truth table")
                           .In(Bools({2, 2}, {0, 0, 1, 1}))
                           .Const(Bools({2}, {0, 1})));
  }
  examples.push_back(
      OpExample("IsNaN", "").In(Floats({2, 2}, {NAN, 0, INFINITY, 1})));
  examples.push_back(
      OpExample("IsInf", "half precision")
          .In(Floats({2}, {-INFINITY, 1}).CastTo(DType::kFloat16)));
  examples.push_back(OpExample("Not", "").In(Bools({2}, {0, 1})));
  examples.push_back(OpExample("Where", "mask repeats")
                         .Const(Bools({3}, {1, 0, 1}))
                         .In(Ramp({2, 3}, -1, 3))
                         .In(Ramp({2, 1}, -4, 1, 2)));
  return examples;
}

namespace {

using testing::ElementsAre;

std::vector<float> Apply(const char* type, const Tensor& a, const Tensor& b) {
  return FloatsOf(OpExample(type, "").In(a).In(b));
}

TEST(Compare, EachTestDiffersOnItsOwnSide) {
  const Tensor a = Floats({3}, {1, 2, 3});
  const Tensor b = Floats({}, {2});
  EXPECT_THAT(Apply("Equal", a, b), ElementsAre(0, 1, 0));
  EXPECT_THAT(Apply("Greater", a, b), ElementsAre(0, 0, 1));
  EXPECT_THAT(Apply("GreaterOrEqual", a, b), ElementsAre(0, 1, 1));
  EXPECT_THAT(Apply("Less", a, b), ElementsAre(1, 0, 0));
  EXPECT_THAT(Apply("LessOrEqual", a, b), ElementsAre(1, 1, 0));
}

TEST(Compare, NothingIsTrueOfNan) {
  const Tensor nan = Floats({}, {NAN});
  for (const char* type :
       {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}) {
    EXPECT_THAT(Apply(type, nan, nan), ElementsAre(0)) << type;
  }
}

TEST(Compare, LogicFollowsItsTables) {
  const Tensor a = Bools({4}, {0, 0, 1, 1});
  const Tensor b = Bools({4}, {0, 1, 0, 1});
  EXPECT_THAT(Apply("And", a, b), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(Apply("Or", a, b), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(Apply("Xor", a, b), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(FloatsOf(OpExample("Not", "").In(b)), ElementsAre(1, 0, 1, 0));
}

TEST(Where, ChoosesAlsoAmongIntegers) {
  EXPECT_THAT(RunExample(OpExample("Where", "")
                             .In(Bools({2}, {1, 0}))
                             .In(Ints({2}, {5, 6}))
                             .In(Ints({}, {-1})))[0]
                  .ToInts(),
              ElementsAre(5, -1));
}

// expand(x, sizes) with -1 for "as it is", as PyTorch writes it:
// Expand(x, Where(sizes == -1, 1, sizes)), one size computed.
TEST(Where, ResolvesTheExpandIdiom) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape({1, 7}));
  const ValueId z =
      graph.AddInput("z", DType::kFloat32, Shape({Dim::Symbol("N"), 3}));
  const ValueId shape = graph.Emit("Shape", {z}, "shape");
  const ValueId zero = graph.AddConstant("zero", Ints({1}, {0}));
  const ValueId minus = graph.AddConstant("minus", Ints({1}, {-1}));
  const ValueId n = graph.Emit("Gather", {shape, zero}, "n");
  const ValueId sizes =
      graph.Emit("Concat", {n, minus}, "sizes", {{"axis", int64_t{0}}});
  const ValueId length = graph.AddConstant("length", Ints({1}, {2}));
  const ValueId ones = graph.Emit("ConstantOfShape", {length}, "ones",
                                  {{"value", Ints({1}, {1})}});
  const ValueId same = graph.Emit("Equal", {sizes, minus}, "same");
  const ValueId chosen = graph.Emit("Where", {same, ones, sizes}, "chosen");
  const ValueId y = graph.Emit("Expand", {x, chosen}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[N,7]");
}

TEST(Where, OnlyWhatItChoosesFromIsQuantized) {
  const Graph graph = GraphOf(Examples_compare().back());
  const Target target;
  const QuantSpec spec = FindOp("Where")->quantize(
      {graph, graph.node(graph.order().front()), target});
  EXPECT_EQ(spec.inputs[0].role, Role::kFloat);
  EXPECT_EQ(spec.inputs[1].role, Role::kActivation);
  EXPECT_EQ(spec.inputs[2].role, Role::kActivation);
}

TEST(Compare, TestsOfOneFloat) {
  const Tensor x = Floats({4}, {NAN, INFINITY, -INFINITY, 3});
  EXPECT_THAT(FloatsOf(OpExample("IsNaN", "").In(x)), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(FloatsOf(OpExample("IsInf", "").In(x)), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(
      FloatsOf(OpExample("IsInf", "").In(x).Set("detect_negative", int64_t{0})),
      ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(
      FloatsOf(OpExample("IsInf", "").In(x).Set("detect_positive", int64_t{0})),
      ElementsAre(0, 0, 1, 0));
}

}  // namespace
}  // namespace squint
