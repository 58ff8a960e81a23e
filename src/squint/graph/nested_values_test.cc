#include "squint/graph/nested_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"

namespace squint {
namespace {

using ::testing::ElementsAre;

// x -> y inside, x captured.
Graph Inner(std::string_view made) {
  Graph body;
  const ValueId x = body.AddCapture("x");
  body.AddOutput(body.Emit("Relu", {x}, made));
  return body;
}

Graph Outer(std::string_view node_name) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({2}));
  const ValueId c = graph.AddInput("c", DType::kBool, Shape::Of({}));
  Node node;
  node.op_type = "If";
  node.name = node_name;
  node.inputs = {c};
  node.captures = {x, x};
  node.attributes["then_branch"] = GraphBox(Inner("same"));
  node.attributes["else_branch"] = GraphBox(Inner("same"));
  const ValueId y = graph.AddValue("y");
  node.outputs = {y};
  graph.AddNode(std::move(node));
  graph.AddOutput(y);
  return graph;
}

TEST(NestedValues, BeginWithTheGraphsOwnIds) {
  const Graph graph = Outer("choice");
  const NestedValues values(graph);
  EXPECT_EQ(values.size(), 7);
  ASSERT_EQ(values.parts().size(), 3u);
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    EXPECT_EQ(&values.value(id), &graph.value(id));
  }
  const Graph& first = *values.parts()[1].graph;
  EXPECT_EQ(values.FirstOf(first), 3);
  EXPECT_EQ(&values.value(4), &first.value(1));
  EXPECT_EQ(&values.PartOf(4), &values.parts()[1]);
  EXPECT_EQ(&values.PartOf(5), &values.parts()[2]);
}

TEST(NestedValues, HaveAPathWhereTheirNamesCollide) {
  const Graph graph = Outer("choice");
  EXPECT_THAT(NestedValues(graph).Names(),
              ElementsAre("x", "c", "y", "choice/else_branch/x",
                          "choice/else_branch/same", "choice/then_branch/x",
                          "choice/then_branch/same"));
}

TEST(NestedValues, KeepANameThatIsTheirsAlone) {
  Graph graph = Outer("choice");
  graph.node(graph.order()[0]).attributes["else_branch"] =
      GraphBox(Inner("another"));
  EXPECT_EQ(NestedValues(graph).Names()[4], "another");
}

TEST(NestedValues, OfANodeWithoutANameGoByItsOutput) {
  const Graph graph = Outer("");
  EXPECT_EQ(NestedValues(graph).Names()[3], "y/else_branch/x");
}

TEST(NestedValues, AreNeverCalledLikeAnother) {
  Graph graph = Outer("choice");
  graph.AddValue("choice/else_branch/x");
  EXPECT_EQ(NestedValues(graph).Names()[3], "choice/else_branch/x");
  EXPECT_EQ(NestedValues(graph).Names()[4], "choice/else_branch/x_1");
}

TEST(NestedValues, KnowNoNumberBeyondTheLast) {
  const Graph graph = Outer("choice");
  const NestedValues values(graph);
  EXPECT_THROW(values.PartOf(7), Error);
  EXPECT_THROW(values.FirstOf(Outer("choice")), Error);
}

}  // namespace
}  // namespace squint
