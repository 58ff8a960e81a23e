#include "squint/graph/captures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace squint {
namespace {

using ::testing::ElementsAre;

const Graph& Branch(const Graph& graph, std::string_view key) {
  const Node& node = graph.node(graph.order().back());
  return *std::get<GraphBox>(*node.FindAttribute(key));
}

// y = (condition ? x + w : x + w), with w captured in both branches, and in
// the else branch through an If of its own.
struct Choice {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({64}));
  ValueId condition = graph.AddInput("c", DType::kBool, Shape::Of({}));
  ValueId w = graph.AddConstant("w", Tensor(DType::kFloat32, {64}));

  static Graph Sum() {
    Graph body;
    const ValueId x = body.AddCapture("x");
    const ValueId w = body.AddCapture("w");
    body.AddOutput(body.Emit("Add", {x, w}, "sum"));
    return body;
  }

  static void AddIf(Graph& to, ValueId condition, Graph then_branch,
                    Graph else_branch, std::vector<ValueId> captures) {
    Node node;
    node.op_type = "If";
    node.inputs = {condition};
    node.captures = std::move(captures);
    node.attributes["then_branch"] = GraphBox(std::move(then_branch));
    node.attributes["else_branch"] = GraphBox(std::move(else_branch));
    const ValueId y = to.AddValue("y");
    node.outputs = {y};
    to.AddNode(std::move(node));
    to.AddOutput(y);
  }

  static Graph Nested() {
    Graph body;
    const ValueId c = body.AddCapture("c");
    const ValueId x = body.AddCapture("x");
    const ValueId w = body.AddCapture("w");
    AddIf(body, c, Sum(), Sum(), {x, w, x, w});
    return body;
  }

  Choice() {
    AddIf(graph, condition, Sum(), Nested(), {condition, x, w, x, w});
  }
};

void CompactAll(Graph& graph) {
  ForEachGraph(graph, [](Graph& each) { each.Compact(); });
}

TEST(OwnCapturedConstants, ReachesEveryDepthAndSharesTheBytes) {
  Choice choice;
  VerifyGraph(choice.graph);
  EXPECT_EQ(OwnCapturedConstants(choice.graph), 4);
  VerifyGraph(choice.graph);
  const Graph& then_branch = Branch(choice.graph, "then_branch");
  const Value& owned = then_branch.value(then_branch.FindValue("w"));
  EXPECT_EQ(owned.constant.buffer(),
            choice.graph.value(choice.w).constant.buffer());
  EXPECT_EQ(owned.dtype, DType::kFloat32);
  const Graph& inner =
      Branch(Branch(choice.graph, "else_branch"), "else_branch");
  EXPECT_TRUE(inner.value(inner.FindValue("w")).is_constant());
  EXPECT_THAT(choice.graph.node(choice.graph.order()[0]).captures,
              ElementsAre(choice.condition, choice.x, choice.x));
}

TEST(OwnCapturedConstants, LeavesWhatACallerMayOverride) {
  Choice choice;
  choice.graph.SetInputs({choice.x, choice.condition, choice.w});
  EXPECT_EQ(OwnCapturedConstants(choice.graph), 0);
}

TEST(ShareNestedConstants, PutsEqualOnesIntoTheOutermostGraph) {
  Choice choice;
  OwnCapturedConstants(choice.graph);
  CompactAll(choice.graph);  // nothing in the outermost graph reads w
  EXPECT_EQ(choice.graph.FindValue("w"), kNoValue);
  EXPECT_EQ(ShareNestedConstants(choice.graph, 256), 2);
  VerifyGraph(choice.graph);
  const ValueId shared = choice.graph.FindValue("w");
  ASSERT_NE(shared, kNoValue);
  EXPECT_TRUE(choice.graph.value(shared).is_constant());
  const Graph& inner =
      Branch(Branch(choice.graph, "else_branch"), "else_branch");
  EXPECT_FALSE(inner.value(inner.FindValue("w")).is_constant());
  EXPECT_EQ(inner.captures().size(), 2u);
  // And back.
  OwnCapturedConstants(choice.graph);
  VerifyGraph(choice.graph);
  EXPECT_TRUE(inner.value(inner.FindValue("w")).is_constant());
}

TEST(ShareNestedConstants, LeavesSmallAndDifferentOnes) {
  Choice choice;
  OwnCapturedConstants(choice.graph);
  CompactAll(choice.graph);
  EXPECT_EQ(ShareNestedConstants(choice.graph, 257), 0);
  int next = 0;
  ForEachGraph(choice.graph, [&](Graph& each) {
    const ValueId w = each.FindValue("w");
    if (w == kNoValue) return;
    std::vector<float> values(64, static_cast<float>(++next));
    each.value(w).constant = Tensor::Of<float>({64}, values);
  });
  EXPECT_EQ(ShareNestedConstants(choice.graph, 256), 0);
}

TEST(DropUnreadCaptures, GoesFromTheInsideOut) {
  Choice choice;
  OwnCapturedConstants(choice.graph);
  // The inner sums read their own constant twice from now on.
  ForEachGraph(choice.graph, [](Graph& each) {
    for (const NodeId id : each.order()) {
      if (each.node(id).Is("Add"))
        each.ReplaceInput(id, 0, each.node(id).input(1));
    }
  });
  EXPECT_EQ(DropUnreadCaptures(choice.graph), 4);
  VerifyGraph(choice.graph);
  EXPECT_THAT(choice.graph.node(choice.graph.order()[0]).captures,
              ElementsAre(choice.condition));
}

}  // namespace
}  // namespace squint
