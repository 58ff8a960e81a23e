#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

std::vector<OpExample> Examples_topk() {
  return {
      OpExample("TopK", "last axis")
          .In(Ramp({2, 3, 7}))
          .Const(Ints({1}, {3}))
          .Outputs(2),
      OpExample("TopK", "smallest of the middle axis")
          .In(Ramp({2, 5, 3}))
          .Const(Ints({1}, {5}))
          .Set("axis", int64_t{1})
          .Set("largest", int64_t{0})
          .Outputs(2),
      OpExample("TopK", "none of them")
          .In(Ints({2, 2}, {1, 2, 3, 4}))
          .Const(Ints({1}, {0}))
          .Outputs(2),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<Tensor> TopK(const Tensor& x, int64_t k, int64_t largest,
                         int64_t axis = -1) {
  return RunExample(OpExample("TopK", "")
                        .In(x)
                        .Const(Ints({1}, {k}))
                        .Set("largest", largest)
                        .Set("axis", axis)
                        .Outputs(2));
}

TEST(TopK, OfEqualsTheFirstComesFirst) {
  const std::vector<Tensor> most = TopK(Floats({5}, {1, 3, 2, 3, 0}), 3, 1);
  EXPECT_THAT(most[0].ToFloats(), ElementsAre(3, 3, 2));
  EXPECT_THAT(most[1].ToInts(), ElementsAre(1, 3, 2));
  const std::vector<Tensor> least = TopK(Floats({4}, {1, 0, 1, 0}), 3, 0);
  EXPECT_THAT(least[0].ToFloats(), ElementsAre(0, 0, 1));
  EXPECT_THAT(least[1].ToInts(), ElementsAre(1, 3, 0));
}

TEST(TopK, OuterAxesAreLinesToo) {
  const std::vector<Tensor> y =
      TopK(Floats({3, 2}, {1, 6, 3, 4, 2, 5}), 2, 1, 0);
  EXPECT_THAT(y[0].ToFloats(), ElementsAre(3, 6, 2, 5));
  EXPECT_THAT(y[1].ToInts(), ElementsAre(1, 0, 2, 2));
}

TEST(TopK, NanCountsAsTheLargest) {
  const Tensor x = Floats({4}, {1, NAN, 3, NAN});
  EXPECT_THAT(TopK(x, 3, 1)[1].ToInts(), ElementsAre(1, 3, 2));
  EXPECT_THAT(TopK(x, 3, 0)[1].ToInts(), ElementsAre(0, 2, 1));
}

TEST(TopK, LargeIntegersAreTold) {
  const int64_t big = int64_t{1} << 60;
  EXPECT_THAT(TopK(Ints({3}, {big, big + 1, big - 1}), 2, 1)[1].ToInts(),
              ElementsAre(1, 0));
}

TEST(TopK, KMustFitTheAxis) {
  EXPECT_THAT(
      [] {
        TopK(Ramp({2, 3}), 4, 1);
      },
      ThrowsMessage<Error>(HasSubstr("k is 4 on an axis of 3")));
  EXPECT_THROW(TopK(Ramp({2, 3}), -1, 1), Error);
  EXPECT_THROW(TopK(Ramp({2, 3}), 1, 1, 2), Error);
  EXPECT_THROW(TopK(Floats({}, {1}), 1, 1), Error);
}

TEST(TopK, KMayBeASize) {
  Graph graph;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, Shape({Dim::Symbol("N"), 9}));
  const ValueId shape =
      graph.Emit("Shape", {x}, "shape", {{"end", int64_t{1}}});
  const ValueId y = graph.Emit("TopK", {x, shape}, "y");
  graph.AddOutput(y);
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[N,N]");
}

TEST(TopK, KOfOlderOpsetsBecomesAnInput) {
  const OpExample old = OpExample("TopK", "")
                            .In(Floats({3}, {1, 3, 2}))
                            .Set("k", int64_t{2})
                            .Outputs(2);
  EXPECT_THAT(RunUpgraded(old, 9).ToFloats(), ElementsAre(3, 2));
  EXPECT_THROW(UpgradedGraph(OpExample("TopK", "").In(Ramp({3})), 9), Error);
}

TEST(TopK, ValuesShareTheParametersOfTheInputAndPlacesHaveNone) {
  const Graph graph = GraphOf(Examples_topk()[0]);
  const Target target;
  const QuantSpec spec = FindOp("TopK")->quantize(
      {graph, graph.node(graph.order().front()), target});
  EXPECT_EQ(spec.outputs[0].role, Role::kActivation);
  EXPECT_EQ(spec.outputs[1].role, Role::kFloat);
  EXPECT_THAT(spec.same, ElementsAre(std::pair(0, 0)));
}

}  // namespace
}  // namespace squint
