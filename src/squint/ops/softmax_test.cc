#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_softmax() {
  return {
      OpExample("Softmax", "last axis").In(Ramp({2, 3, 7}, -4, 4)),
      OpExample("Softmax", "middle axis")
          .In(Ramp({2, 5, 3}, -4, 4))
          .Set("axis", int64_t{1}),
      OpExample("Softmax", "a single element").In(Ramp({3, 1})),
      OpExample("Hardmax", "last axis").In(Ramp({2, 3, 7}, -4, 4)),
      OpExample("Hardmax", "no elements").In(Ramp({2, 0})),
      OpExample("LogSoftmax", "first axis")
          .In(Ramp({4, 3}, -4, 4))
          .Set("axis", int64_t{0}),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

std::vector<float> Softmax(Dims dims, std::vector<float> values) {
  return FloatsOf(
      OpExample("Softmax", "").In(Floats(std::move(dims), std::move(values))));
}

TEST(Softmax, GivesProbabilities) {
  const float log2 = std::log(2.0f);
  EXPECT_THAT(
      Softmax({2, 2}, {0, log2, 5 + log2, 5}),
      Pointwise(FloatNear(1e-6f), {1 / 3.0f, 2 / 3.0f, 2 / 3.0f, 1 / 3.0f}));
}

TEST(Softmax, SurvivesLargeInputs) {
  EXPECT_THAT(Softmax({2}, {1e30f, 1e30f}), ElementsAre(0.5f, 0.5f));
  EXPECT_THAT(Softmax({2}, {-1e30f, 0}), ElementsAre(0, 1));
  EXPECT_THAT(Softmax({2}, {-INFINITY, 3}), ElementsAre(0, 1));
}

TEST(Softmax, LogSoftmaxIsItsLogarithm) {
  const OpExample example =
      OpExample("LogSoftmax", "").In(Floats({1, 2}, {0, 100}));
  EXPECT_THAT(FloatsOf(example), ElementsAre(-100, 0));
}

TEST(Softmax, RejectsAnAxisOutsideTheRank) {
  Graph graph = GraphOf(
      OpExample("Softmax", "").In(Ramp({2, 3})).Set("axis", int64_t{2}));
  EXPECT_THROW(InferShapes(graph), Error);
}

TEST(SoftmaxInteger, ScalesByTheOutputAndRoundsHalfToEven) {
  Graph graph = GraphOf(OpExample("Softmax", "").In(Floats({1, 2}, {0, 0})));
  graph.value(graph.inputs()[0]).quant = PerTensor(DType::kInt8, 0.1f, -5);
  graph.value(graph.outputs()[0]).quant =
      PerTensor(DType::kInt8, 1 / 256.0f, -128);
  const auto run = [&](float a, float b) {
    return Interpret(graph, {Floats({1, 2}, {a, b})},
                     {.reading = Reading::kInteger, .tap = {}})[0]
        .ToFloats();
  };
  EXPECT_THAT(run(1, 1), ElementsAre(0.5f, 0.5f));
  // 1 / (1 + e^-1.2) = 0.7685: 196.74 and 59.26 steps.
  EXPECT_THAT(run(1.2f, 0), ElementsAre(197 / 256.0f, 59 / 256.0f));
  // One step short of 1: 256 steps saturate.
  EXPECT_THAT(run(12.7f, -12), ElementsAre(255 / 256.0f, 0));
}

Graph OldSoftmax(Dims dims, bool known, Attributes attributes) {
  Graph graph;
  graph.opset[""] = 11;
  const ValueId x =
      graph.AddInput("x", DType::kFloat32, known ? Shape::Of(dims) : Shape());
  graph.AddOutput(graph.Emit("Softmax", {x}, "y", std::move(attributes)));
  UpgradeContext context{graph, graph.order()[0], 11};
  FindOp("Softmax")->upgrade(context);
  VerifyGraph(graph);
  return graph;
}

std::vector<std::string> TypesOf(const Graph& graph) {
  std::vector<std::string> types;
  for (const NodeId id : graph.order()) types.push_back(graph.node(id).op_type);
  return types;
}

TEST(SoftmaxUpgrade, KeepsOneNodeWhereOneAxisIsMeant) {
  for (const Dims& dims : {Dims{2, 3}, Dims{2, 3, 1, 1}}) {
    const Graph graph = OldSoftmax(dims, true, {});
    EXPECT_THAT(TypesOf(graph), ElementsAre("Softmax"));
    EXPECT_EQ(graph.node(graph.order()[0]).Int("axis", -1), 1);
  }
}

TEST(SoftmaxUpgrade, WritesOutTheMatrixOtherwise) {
  for (const bool known : {true, false}) {
    const Graph graph = OldSoftmax({2, 2, 2}, known, {{"axis", int64_t{1}}});
    EXPECT_THAT(TypesOf(graph),
                ElementsAre("Flatten", "Shape", "Softmax", "Reshape"));
    const Node& softmax = graph.node(graph.order()[2]);
    EXPECT_EQ(softmax.Int("axis", 0), -1);
    EXPECT_EQ(graph.value(graph.outputs()[0]).name, "y");
  }
}

// What ONNX Runtime 1.32 computes with QLinearSoftmax on the same integers.
TEST(SoftmaxInteger, EqualsOnnxRuntime) {
  EXPECT_THAT(
      IntegersOf(Examples_softmax()[1], DType::kUint8),
      ElementsAre(6, 143, 6, 6, 0, 13, 43, 83, 142, 193, 22, 32, 7, 8, 64, 113,
                  4, 6, 13, 1, 7, 9, 2, 5, 30, 249, 120, 90, 0, 117));
}

TEST(Hardmax, MarksTheFirstOfTheLargest) {
  const auto hardmax = [](int64_t axis) {
    return FloatsOf(OpExample("Hardmax", "")
                        .In(Floats({2, 3}, {1, 3, 3, 2, 0, 4}))
                        .Set("axis", axis));
  };
  EXPECT_THAT(hardmax(-1), ElementsAre(0, 1, 0, 0, 0, 1));
  EXPECT_THAT(hardmax(0), ElementsAre(0, 1, 0, 1, 0, 1));
}

}  // namespace
}  // namespace squint
