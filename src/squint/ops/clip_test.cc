#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_clip() {
  return {
      OpExample("Clip", "relu6")
          .In(Ramp({2, 3, 4}, -4, 10))
          .Const(Floats({}, {0}))
          .Const(Floats({}, {6})),
      OpExample("Clip", "only max")
          .In(Ramp({2, 3}, -4, 10))
          .Absent()
          .Const(Floats({}, {1})),
      OpExample("Clip", "int64")
          .In(Ints({3}, {-4, 2, 9}))
          .Const(Ints({}, {0}))
          .Const(Ints({}, {5})),
  };
}

namespace {

using testing::ElementsAre;

const Tensor kX = Floats({4}, {-3.0f, 0.5f, 7.0f, 100.0f});

TEST(Clip, AbsentLimitsDoNothing) {
  EXPECT_THAT(FloatsOf(OpExample("Clip", "").In(kX)),
              ElementsAre(-3, 0.5f, 7, 100));
  EXPECT_THAT(FloatsOf(OpExample("Clip", "").In(kX).Const(Floats({}, {0}))),
              ElementsAre(0, 0.5f, 7, 100));
}

TEST(Clip, AnEmptyTensorIsAnAbsentLimit) {
  EXPECT_THAT(FloatsOf(OpExample("Clip", "")
                           .In(kX)
                           .Const(Floats({0}, {}))
                           .Const(Floats({}, {6}))),
              ElementsAre(-3, 0.5f, 6, 6));
}

TEST(Clip, MaxWinsWhenItIsBelowMin) {
  EXPECT_THAT(FloatsOf(OpExample("Clip", "")
                           .In(kX)
                           .Const(Floats({}, {5}))
                           .Const(Floats({}, {2}))),
              ElementsAre(2, 2, 2, 2));
}

TEST(Clip, NanStaysNan) {
  EXPECT_TRUE(std::isnan(FloatsOf(
      OpExample("Clip", "").In(Floats({1}, {NAN})).Const(Floats({}, {0})))[0]));
}

TEST(Clip, AttributesOfOpset6BecomeInputs) {
  const OpExample old =
      OpExample("Clip", "").In(kX).Set("min", 0.0f).Set("max", 6.0f);
  EXPECT_THAT(RunUpgraded(old, 10).ToFloats(), ElementsAre(0, 0.5f, 6, 6));
  const OpExample only_max = OpExample("Clip", "").In(kX).Set("max", 6.0f);
  const Graph graph = UpgradedGraph(only_max, 7);
  const Node& node = graph.node(graph.order().front());
  EXPECT_FALSE(node.has_input(1));
  EXPECT_TRUE(node.has_input(2));
  EXPECT_TRUE(node.attributes.empty());
}

TEST(Clip, TheRuleIsAClampToKnownLimits) {
  const Graph graph = GraphOf(OpExample("Clip", "")
                                  .In(kX)
                                  .Const(Floats({}, {0}))
                                  .Const(Floats({}, {6})));
  const Target target;
  const QuantSpec spec = FindOp("Clip")->quantize(
      {graph, graph.node(graph.order().front()), target});
  EXPECT_EQ(spec.clamp, std::make_pair(0.0f, 6.0f));
}

TEST(Clip, ComputedLimitsKeepItFloat) {
  const Graph graph = GraphOf(OpExample("Clip", "").In(kX).In(Floats({}, {0})));
  const Target target;
  EXPECT_NE(FindOp("Clip")
                ->quantize({graph, graph.node(graph.order().front()), target})
                .reason,
            "");
}

}  // namespace
}  // namespace squint
