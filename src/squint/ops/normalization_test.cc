#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_normalization() {
  return {
      OpExample("BatchNormalization", "image")
          .In(Ramp({2, 3, 4, 5}))
          .Const(Ramp({3}, 0.5f, 2, 2))
          .Const(Ramp({3}, -1, 1, 3))
          .Const(Ramp({3}, -1, 1, 4))
          .Const(Ramp({3}, 0.1f, 2, 5)),
      OpExample("BatchNormalization", "matrix, own epsilon")
          .In(Ramp({4, 3}))
          .Const(Ramp({3}, 0.5f, 2, 2))
          .Const(Ramp({3}, -1, 1, 3))
          .Const(Ramp({3}, -1, 1, 4))
          .Const(Ramp({3}, 0.1f, 2, 5))
          .Set("epsilon", 0.01f),
      OpExample("InstanceNormalization", "image")
          .In(Ramp({2, 3, 4, 5}))
          .Const(Ramp({3}, 0.5f, 2, 2))
          .Const(Ramp({3}, -1, 1, 3)),
      OpExample("GroupNormalization", "two groups")
          .In(Ramp({2, 4, 3, 3}))
          .Const(Ramp({4}, 0.5f, 2, 2))
          .Const(Ramp({4}, -1, 1, 3))
          .Set("num_groups", int64_t{2}),
      OpExample("LayerNormalization", "last axis, no bias")
          .In(Ramp({2, 3, 8}))
          .Const(Ramp({8}, 0.5f, 2, 2)),
      OpExample("LayerNormalization", "two axes, all outputs")
          .In(Ramp({2, 3, 8}))
          .Const(Ramp({3, 8}, 0.5f, 2, 2))
          .Const(Ramp({8}, -1, 1, 3))
          .Set("axis", int64_t{1})
          .Outputs(3),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

MATCHER_P(Near, values, "") {
  return testing::Matches(Pointwise(FloatNear(1e-5f), values))(arg);
}

OpExample Batch() { return Examples_normalization()[0]; }

TEST(BatchNormalization, UsesTheStoredMoments) {
  const OpExample example = OpExample("BatchNormalization", "")
                                .In(Floats({1, 2, 2}, {1, 3, 1, 3}))
                                .Const(Floats({2}, {1, 10}))
                                .Const(Floats({2}, {0, 5}))
                                .Const(Floats({2}, {1, 3}))
                                .Const(Floats({2}, {4, 0.25f}))
                                .Set("epsilon", 0.0f);
  EXPECT_THAT(FloatsOf(example), ElementsAre(0, 1, -35, 5));
}

TEST(BatchNormalization, TrainsOnTheMomentsOfTheBatch) {
  const OpExample example = OpExample("BatchNormalization", "training")
                                .In(Floats({2, 1, 2}, {1, 3, 5, 7}))
                                .Const(Floats({1}, {2}))
                                .Const(Floats({1}, {1}))
                                .Const(Floats({1}, {10}))
                                .Const(Floats({1}, {1}))
                                .Set("epsilon", 0.0f)
                                .Set("momentum", 0.5f)
                                .Set("training_mode", int64_t{1})
                                .Outputs(3);
  // Mean 4, variance 5.
  const float step = 2.0f / std::sqrt(5.0f);
  const std::vector<Tensor> results = RunExample(example);
  EXPECT_THAT(
      results[0].ToFloats(),
      Near(std::vector<float>{1 - 3 * step, 1 - step, 1 + step, 1 + 3 * step}));
  EXPECT_THAT(results[1].ToFloats(), ElementsAre(7));
  EXPECT_THAT(results[2].ToFloats(), ElementsAre(3));
}

TEST(BatchNormalization, RejectsParametersOfAnotherLength) {
  OpExample example = Batch();
  example.inputs[3].value = Ramp({4});
  Graph graph = GraphOf(example);
  EXPECT_THROW(InferShapes(graph), Error);
}

TEST(InstanceNormalization, NormalizesEveryPlane) {
  const OpExample example = OpExample("InstanceNormalization", "")
                                .In(Floats({1, 2, 2}, {1, 3, 10, 30}))
                                .Const(Floats({2}, {1, 2}))
                                .Const(Floats({2}, {0, 1}))
                                .Set("epsilon", 0.0f);
  EXPECT_THAT(FloatsOf(example), Near(std::vector<float>{-1, 1, -1, 3}));
}

TEST(GroupNormalization, SharesMomentsInAGroup) {
  const OpExample example = OpExample("GroupNormalization", "")
                                .In(Floats({1, 4, 1}, {1, 3, 10, 30}))
                                .Const(Floats({4}, {1, 1, 1, 2}))
                                .Const(Floats({4}, {0, 1, 0, 0}))
                                .Set("num_groups", int64_t{2})
                                .Set("epsilon", 0.0f);
  EXPECT_THAT(FloatsOf(example), Near(std::vector<float>{-1, 2, -1, 2}));
}

TEST(LayerNormalization, ReportsMeanAndInverseDeviation) {
  const std::vector<Tensor> outputs =
      RunExample(OpExample("LayerNormalization", "")
                     .In(Floats({2, 2}, {1, 3, 10, 30}))
                     .Const(Floats({2}, {1, 2}))
                     .Const(Floats({2}, {0, 1}))
                     .Set("epsilon", 0.0f)
                     .Outputs(3));
  EXPECT_THAT(outputs[0].ToFloats(), Near(std::vector<float>{-1, 3, -1, 3}));
  EXPECT_THAT(outputs[1].dims(), ElementsAre(2, 1));
  EXPECT_THAT(outputs[1].ToFloats(), ElementsAre(2, 20));
  EXPECT_THAT(outputs[2].ToFloats(), Near(std::vector<float>{1, 0.1f}));
}

TEST(LayerNormalization, OnlyTheResultIsNarrow) {
  const std::vector<Tensor> outputs =
      RunExample(OpExample("LayerNormalization", "")
                     .In(Floats({1, 2}, {1, 3}).CastTo(DType::kFloat16))
                     .Const(Floats({2}, {1, 2}).CastTo(DType::kFloat16))
                     .Outputs(3));
  EXPECT_EQ(outputs[0].dtype(), DType::kFloat16);
  EXPECT_EQ(outputs[1].dtype(), DType::kFloat32);
}

TEST(LayerNormalization, TakesNarrowParametersOfWideInputs) {
  const OpExample example =
      OpExample("LayerNormalization", "")
          .In(Floats({1, 2}, {1, 3}))
          .Const(Floats({2}, {1, 2}).CastTo(DType::kBfloat16))
          .Set("epsilon", 0.0f);
  EXPECT_THAT(FloatsOf(example), Near(std::vector<float>{-1, 2}));
}

Graph Upgraded(OpExample example, int64_t from) {
  Graph graph = GraphOf(example);
  UpgradeContext context{graph, graph.order()[0], from};
  FindOp(example.op_type)->upgrade(context);
  VerifyGraph(graph);
  return graph;
}

TEST(BatchNormalizationUpgrade, DropsUnusedTrainingOutputs) {
  Graph graph = GraphOf(Batch().Outputs(5));
  graph.SetOutputs({graph.outputs()[0]});
  UpgradeContext context{graph, graph.order()[0], 9};
  FindOp("BatchNormalization")->upgrade(context);
  EXPECT_EQ(graph.node(graph.order()[0]).outputs.size(), 1u);
  VerifyGraph(graph);
}

TEST(BatchNormalizationUpgrade, RefusesWhatHasNoNewerForm) {
  EXPECT_THROW(Upgraded(Batch().Outputs(5), 9), Error);
  EXPECT_THROW(Upgraded(Batch().Set("spatial", int64_t{0}), 7), Error);
  const Graph graph = Upgraded(Batch().Set("spatial", int64_t{1}), 7);
  EXPECT_EQ(graph.node(graph.order()[0]).FindAttribute("spatial"), nullptr);
}

TEST(GroupNormalizationUpgrade, RepeatsParametersForEachChannel) {
  const Graph graph = Upgraded(OpExample("GroupNormalization", "")
                                   .In(Ramp({1, 4, 2}))
                                   .Const(Floats({2}, {1, 2}))
                                   .Const(Floats({2}, {3, 4}))
                                   .Set("num_groups", int64_t{2}),
                               18);
  const Node& node = graph.node(graph.order()[0]);
  EXPECT_THAT(graph.ConstantOf(node.input(1))->ToFloats(),
              ElementsAre(1, 1, 2, 2));
  EXPECT_THAT(graph.ConstantOf(node.input(2))->ToFloats(),
              ElementsAre(3, 3, 4, 4));
}

}  // namespace
}  // namespace squint
