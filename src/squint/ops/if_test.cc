#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/control_flow_examples.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

// A branch that makes these numbers by itself.
Graph ConstantBranch(Tensor tensor) {
  Graph body = EmptyGraph("constant");
  body.AddOutput(body.AddConstant("made", std::move(tensor)));
  return body;
}

}  // namespace

std::vector<OpExample> Examples_if() {
  return {
      OpExample("If", "taken by a constant")
          .Const(Tensor::Scalar<bool>(true))
          .Set("then_branch", GraphBox(ConstantBranch(Floats({2}, {1, 2}))))
          .Set("else_branch", GraphBox(ConstantBranch(Floats({1}, {3})))),
      OpExample("If", "branches of one type")
          .In(Tensor::Scalar<bool>(false))
          .Set("then_branch", GraphBox(ConstantBranch(Floats({2}, {1, 2}))))
          .Set("else_branch", GraphBox(ConstantBranch(Floats({2}, {3, 4})))),
  };
}

namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// y = condition ? then : else
Graph Choice(Graph then_branch, Graph else_branch) {
  Graph graph = EmptyGraph("choice");
  const ValueId condition =
      graph.AddInput("condition", DType::kBool, Shape::Of({}));
  const NodeId node =
      AddBodyNode(graph, "If", {condition}, {"y"},
                  {{"then_branch", GraphBox(std::move(then_branch))},
                   {"else_branch", GraphBox(std::move(else_branch))}},
                  {});
  graph.AddOutput(graph.node(node).output());
  return graph;
}

Shape ShapeOfChoice(Tensor then_made, Tensor else_made) {
  Graph graph = Choice(ConstantBranch(std::move(then_made)),
                       ConstantBranch(std::move(else_made)));
  InferShapes(graph);
  return graph.value(graph.outputs()[0]).shape;
}

std::string InferError(Graph graph) {
  try {
    InferShapes(graph);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    return error.message();
  }
  return "no error";
}

TEST(If, TakesTheBranchThatTheConditionSays) {
  const Graph graph = Choice(ConstantBranch(Floats({1}, {1})),
                             ConstantBranch(Floats({2}, {2, 3})));
  EXPECT_THAT(Interpret(graph, {Tensor::Scalar<bool>(true)})[0].ToFloats(),
              ElementsAre(1));
  EXPECT_THAT(Interpret(graph, {Tensor::Scalar<bool>(false)})[0].ToFloats(),
              ElementsAre(2, 3));
}

TEST(If, KnowsOfAShapeWhatBothBranchesShare) {
  EXPECT_EQ(
      ShapeOfChoice(Floats({2, 1}, {1, 2}), Floats({2, 1}, {1, 2})).ToString(),
      "[2,1]");
  EXPECT_EQ(
      ShapeOfChoice(Floats({2, 1}, {1, 2}), Floats({1, 1}, {1})).ToString(),
      "[?,1]");
  EXPECT_FALSE(
      ShapeOfChoice(Floats({2}, {1, 2}), Floats({1, 1}, {1})).has_rank());
}

TEST(If, RefusesBranchesThatMakeDifferentTypes) {
  EXPECT_THAT(InferError(Choice(ConstantBranch(Floats({1}, {1})),
                                ConstantBranch(Ints({1}, {1})))),
              testing::AllOf(HasSubstr("y_node"), HasSubstr("float32"),
                             HasSubstr("int64")));
}

TEST(If, RefusesABranchWithTooFewOutputs) {
  EXPECT_THAT(InferError(Choice(ConstantBranch(Floats({1}, {1})),
                                EmptyGraph("nothing"))),
              testing::AllOf(HasSubstr("y_node"), HasSubstr("else_branch"),
                             HasSubstr("0 outputs")));
}

TEST(If, RefusesAMissingBranchAndAConditionOfNumbers) {
  Graph graph = Choice(ConstantBranch(Floats({1}, {1})),
                       ConstantBranch(Floats({1}, {1})));
  Graph numbers = graph;
  numbers.value(numbers.inputs()[0]).dtype = DType::kFloat32;
  EXPECT_THAT(InferError(numbers), HasSubstr("is float32, expected bool"));
  graph.node(graph.order()[0]).attributes.erase("else_branch");
  EXPECT_THAT(InferError(graph), HasSubstr("else_branch"));
}

TEST(If, SaysThatItRunsNoSequences) {
  Graph branch = ConstantBranch(Floats({1}, {1}));
  branch.value(branch.outputs()[0]).type_bytes = "a sequence";
  const Graph graph = Choice(branch, branch);
  try {
    Interpret(graph, {Tensor::Scalar<bool>(true)});
    ADD_FAILURE() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.message(), HasSubstr("'made'"));
  }
}

}  // namespace
}  // namespace squint
