#include "squint/graph/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"

namespace squint {
namespace {

using ::testing::HasSubstr;

struct Chain {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({2}));
  ValueId a = graph.Emit("Relu", {x}, "a");
  ValueId b = graph.Emit("Relu", {a}, "b");
  Chain() { graph.AddOutput(b); }
};

TEST(Graph, NamesStayUnique) {
  Chain c;
  const ValueId other = c.graph.AddValue("a");
  EXPECT_NE(c.graph.value(other).name, "a");
  c.graph.Rename(other, "x");
  EXPECT_EQ(c.graph.FindValue("x"), other);
  EXPECT_NE(c.graph.value(c.x).name, "x");
  VerifyGraph(c.graph);
}

TEST(Graph, RemovingAndCompactingKeepsTheRest) {
  Chain c;
  const NodeId node = c.graph.value(c.a).producer;
  c.graph.ReplaceUses(c.a, c.x);
  c.graph.RemoveNode(node);
  c.graph.Compact();
  VerifyGraph(c.graph);
  EXPECT_EQ(c.graph.num_nodes(), 1);
  EXPECT_EQ(c.graph.num_values(), 2);
  EXPECT_EQ(c.graph.node(0).input(0), c.graph.FindValue("x"));
}

TEST(Graph, CopiesAreIndependentButShareWeights) {
  Chain c;
  const ValueId w = c.graph.AddConstant("w", Tensor::Of<float>({1}, {1}));
  Graph copy = c.graph;
  EXPECT_EQ(copy.value(w).constant.raw(), c.graph.value(w).constant.raw());
  copy.node(0).op_type = "Tanh";
  EXPECT_EQ(c.graph.node(0).op_type, "Relu");
}

TEST(Graph, SortsNodesAndNamesOneOnACycle) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, {});
  const ValueId late = graph.AddValue("late");
  const ValueId y = graph.Emit("Relu", {late}, "y");
  Node first;
  first.op_type = "Relu";
  first.inputs = {x};
  first.outputs = {late};
  const NodeId id = graph.AddNode(first);
  graph.AddOutput(y);
  EXPECT_THROW(VerifyGraph(graph), Error);
  graph.SortTopologically();
  VerifyGraph(graph);
  EXPECT_EQ(graph.order().front(), id);
  graph.ReplaceInput(id, 0, y);
  try {
    graph.SortTopologically();
    FAIL() << "a cycle was sorted";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("cycle"));
  }
}

TEST(Graph, UsesCountOutputsAndCaptures) {
  Chain c;
  EXPECT_EQ(UseMap(c.graph).SoleReader(c.b), kNoNode);
  EXPECT_EQ(UseMap(c.graph).SoleReader(c.a), c.graph.value(c.b).producer);
  EXPECT_EQ(UseMap(c.graph).of(c.b).size(), 1u);
}

TEST(Graph, AttributesOfAnotherTypeAreErrors) {
  Node node;
  node.Set("axis", int64_t{2});
  EXPECT_EQ(node.Int("axis", 0), 2);
  EXPECT_EQ(node.Int("other", 7), 7);
  EXPECT_THROW(node.Float("axis", 0), Error);
}

TEST(Graph, NumbersEqualNamesInTurn) {
  Graph graph;
  EXPECT_EQ(graph.value(graph.AddValue("x")).name, "x");
  for (int i = 1; i < 40; ++i) {
    EXPECT_EQ(graph.value(graph.AddValue("x")).name, "x_" + std::to_string(i));
  }
  graph.AddValue("z");
  graph.AddValue("z_2");
  EXPECT_EQ(graph.value(graph.AddValue("z")).name, "z_1");
}

TEST(VerifyGraph, FindsWhatIsBroken) {
  Chain c;
  c.graph.node(0).inputs[0] = c.b;  // reads what comes later
  EXPECT_THROW(VerifyGraph(c.graph), Error);
  Chain d;
  d.graph.value(d.a).producer = 1;
  EXPECT_THROW(VerifyGraph(d.graph), Error);
}

TEST(Dim, ComputesWithSymbols) {
  const Dim n = Dim::Symbol("n");
  EXPECT_EQ(n + n, n * 2);
  EXPECT_EQ(FloorDiv(n * 49 * 64, Dim(49 * 64)), n);
  EXPECT_EQ((n * 4 + 1).ToString(), "4*n+1");
  EXPECT_EQ(n - n, Dim(0));
  EXPECT_EQ(FloorDiv(Dim(-7), Dim(2)), Dim(-4));
  EXPECT_EQ(FloorDiv(n + 1, Dim(2)).ToString(), "floordiv(n+1,2)");
  EXPECT_EQ(Max(n, n), n);
  EXPECT_FALSE(Dim::Unknown() == Dim::Unknown());
  EXPECT_TRUE((n * Dim(INT64_MAX) * Dim(2)).is_unknown());
}

TEST(Shape, BroadcastsAndSaysWhenItCannot) {
  const Dim n = Dim::Symbol("n");
  const Shape a(DimList{n, 1, 3});
  const Shape b(DimList{5, 3});
  EXPECT_EQ(BroadcastShapes(a, b)->ToString(), "[n,5,3]");
  EXPECT_FALSE(BroadcastShapes(Shape::Of({2}), Shape::Of({3})).has_value());
  EXPECT_TRUE(
      (*BroadcastShapes(Shape(DimList{n}), Shape(DimList{Dim::Symbol("m")})))[0]
          .is_unknown());
}

}  // namespace
}  // namespace squint
