#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_reduce() {
  std::vector<OpExample> examples;
  for (const char* type :
       {"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd",
        "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSum",
        "ReduceLogSumExp"}) {
    examples.push_back(OpExample(type, "inner axes")
                           .In(Ramp({2, 3, 4, 5}, 0.1f, 2))
                           .Const(Ints({2}, {1, -1})));
    examples.push_back(OpExample(type, "everything, dropped")
                           .In(Ramp({2, 3}, 0.1f, 2))
                           .Set("keepdims", int64_t{0}));
  }
  examples.push_back(OpExample("ReduceSum", "no axes, nothing to do")
                         .In(Ramp({2, 3}))
                         .Const(Ints({0}, {}))
                         .Set("noop_with_empty_axes", int64_t{1}));
  for (const char* type : {"ArgMax", "ArgMin"}) {
    examples.push_back(OpExample(type, "channels")
                           .In(Ramp({2, 7, 3}))
                           .Set("axis", int64_t{1}));
    examples.push_back(OpExample(type, "last axis, dropped")
                           .In(Ramp({2, 7}))
                           .Set("axis", int64_t{-1})
                           .Set("keepdims", int64_t{0}));
  }
  return examples;
}

namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::Pointwise;

std::vector<float> Rows(const char* type) {
  return FloatsOf(OpExample(type, "")
                      .In(Floats({2, 3}, {1, 2, 4, -1, 0, 3}))
                      .Const(Ints({1}, {1})));
}

TEST(Reduce, EachKindHasItsFormula) {
  EXPECT_THAT(Rows("ReduceSum"), ElementsAre(7, 2));
  EXPECT_THAT(Rows("ReduceMean"), Pointwise(FloatEq(), {7.0f / 3, 2.0f / 3}));
  EXPECT_THAT(Rows("ReduceMax"), ElementsAre(4, 3));
  EXPECT_THAT(Rows("ReduceMin"), ElementsAre(1, -1));
  EXPECT_THAT(Rows("ReduceProd"), ElementsAre(8, 0));
  EXPECT_THAT(Rows("ReduceL1"), ElementsAre(7, 4));
  EXPECT_THAT(Rows("ReduceL2"),
              Pointwise(FloatEq(), {std::sqrt(21.0f), std::sqrt(10.0f)}));
  EXPECT_THAT(Rows("ReduceSumSquare"), ElementsAre(21, 10));
  EXPECT_THAT(Rows("ReduceLogSum"),
              Pointwise(FloatEq(), {std::log(7.0f), std::log(2.0f)}));
  EXPECT_THAT(Rows("ReduceLogSumExp"),
              Pointwise(FloatEq(), {4.1698461f, 3.0658838f}));
}

TEST(Reduce, OuterAxesAreReducedToo) {
  EXPECT_THAT(FloatsOf(OpExample("ReduceSum", "")
                           .In(Floats({2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}))
                           .Const(Ints({2}, {0, 2}))),
              ElementsAre(14, 22));
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  EXPECT_THAT(
      FloatsOf(OpExample("ReduceLogSumExp", "").In(Floats({2}, {1000, 1000}))),
      Pointwise(FloatEq(), {1000.6931472f}));
}

TEST(Reduce, EmptyGroupsGiveTheNeutralElement) {
  EXPECT_THAT(
      FloatsOf(
          OpExample("ReduceSum", "").In(Ramp({2, 0})).Const(Ints({1}, {1}))),
      ElementsAre(0, 0));
}

TEST(Reduce, IntegersStayIntegers) {
  const Tensor y =
      RunExample(OpExample("ReduceMax", "").In(Ints({3}, {5, -2, 4})))[0];
  EXPECT_EQ(y.dtype(), DType::kInt64);
  EXPECT_THAT(y.ToInts(), ElementsAre(5));
}

TEST(Reduce, AxesOfOlderOpsetsBecomeAnInput) {
  const auto old = [](const char* type) {
    return OpExample(type, "")
        .In(Floats({2, 2}, {1, 2, 3, 4}))
        .Set("axes", std::vector<int64_t>{0});
  };
  EXPECT_THAT(RunUpgraded(old("ReduceSum"), 11).ToFloats(), ElementsAre(4, 6));
  EXPECT_THAT(RunUpgraded(old("ReduceMean"), 17).ToFloats(), ElementsAre(2, 3));
}

TEST(Reduce, TheNumberOfElementsOfAShapeResolves) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape({Dim::Symbol("N"), 6}));
  const ValueId shape = graph.Emit("Shape", {x}, "shape");
  const ValueId all =
      graph.Emit("ReduceProd", {shape}, "all", {{"keepdims", int64_t{1}}});
  const ValueId y = graph.Emit("Reshape", {x, all}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[6*N]");
}

TEST(ArgMax, TheFirstOfEqualsWinsUnlessTheLastIsAsked) {
  const auto arg = [](const char* type, int64_t last) {
    return RunExample(OpExample(type, "")
                          .In(Floats({1, 4}, {1, 3, 3, 1}))
                          .Set("axis", int64_t{1})
                          .Set("select_last_index", last))[0]
        .ToInts();
  };
  EXPECT_THAT(arg("ArgMax", 0), ElementsAre(1));
  EXPECT_THAT(arg("ArgMax", 1), ElementsAre(2));
  EXPECT_THAT(arg("ArgMin", 0), ElementsAre(0));
  EXPECT_THAT(arg("ArgMin", 1), ElementsAre(3));
}

}  // namespace
}  // namespace squint
