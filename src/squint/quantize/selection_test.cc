#include "squint/quantize/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

using ::testing::HasSubstr;

// Builds small networks of [1,4,8,8] tensors.
struct Net {
  Graph graph;
  ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({1, 4, 8, 8}));

  ValueId Conv(ValueId in, std::string_view name) {
    const ValueId w = graph.AddConstant(std::string(name) + "_w",
                                        Tensor(DType::kFloat32, {4, 4, 1, 1}));
    return graph.Emit("Conv", {in, w}, name);
  }
  ValueId Op(std::string_view type, std::vector<ValueId> in,
             std::string_view name) {
    return graph.Emit(type, std::move(in), name);
  }
  Selection Select(const Recipe& recipe = {}) {
    InferShapes(graph);
    return Selection(graph, FindTarget(recipe.target), recipe, {});
  }
  NodeId NodeOf(ValueId id) const { return graph.value(id).producer; }
};

TEST(Selection, ResidualBlockIsOneIsland) {
  Net net;
  const ValueId a = net.Op("Relu", {net.Conv(net.x, "a")}, "ra");
  const ValueId b = net.Conv(a, "b");
  const ValueId sum = net.Op("Add", {a, b}, "sum");
  const ValueId relu = net.Op("Relu", {sum}, "relu");
  const ValueId last = net.Conv(relu, "last");
  net.graph.AddOutput(last);
  const Selection s = net.Select();
  EXPECT_TRUE(s.of(net.NodeOf(sum)).integer);
  EXPECT_TRUE(s.of(net.NodeOf(relu)).absorbed_clamp);
  EXPECT_EQ(s.ResultOf(net.graph.node(net.NodeOf(sum))), relu);
  EXPECT_TRUE(s.MadeInteger(relu));
}

TEST(Selection, FollowersWhoseResultLeavesTheNetworkStayFloat) {
  Net net;
  const ValueId sum =
      net.Op("Add", {net.Conv(net.x, "a"), net.Conv(net.x, "b")}, "sum");
  net.graph.AddOutput(sum);
  const Selection s = net.Select();
  EXPECT_FALSE(s.of(net.NodeOf(sum)).integer);
  EXPECT_THAT(s.of(net.NodeOf(sum)).reason, HasSubstr("only read in float"));
}

TEST(Selection, NetworksForTheEdgeBeginAndEndInIntegers) {
  Net net;
  const ValueId tanh = net.Op("Tanh", {net.x}, "tanh");
  const ValueId sum = net.Op("Add", {net.Conv(tanh, "a"), net.x}, "sum");
  const ValueId flat = net.Op("Flatten", {sum}, "flat");
  const ValueId w =
      net.graph.AddConstant("w", Tensor(DType::kFloat32, {256, 5}));
  const ValueId scores = net.Op("Gemm", {flat, w}, "scores");
  const ValueId shares = net.Op("Softmax", {scores}, "shares");
  net.graph.AddOutput(scores);
  net.graph.AddOutput(shares);
  Recipe recipe;
  recipe.target = "edge";
  const Selection s = net.Select(recipe);
  EXPECT_TRUE(s.MadeInteger(tanh));
  EXPECT_TRUE(s.MadeInteger(scores));
  EXPECT_TRUE(s.MadeInteger(shares));
}

TEST(Selection, BiasesOfMatMulAreIntegersOnTheEdgeButBeforeGates) {
  Net net;
  const auto constant = [&](Dims dims) {
    return net.graph.AddConstant("c", Tensor(DType::kFloat32, std::move(dims)));
  };
  const ValueId x =
      net.graph.AddInput("rows", DType::kFloat32, Shape::Of({7, 1, 8}));
  const ValueId gates = net.Op(
      "Add", {net.Op("MatMul", {x, constant({8, 12})}, "g"), constant({12})},
      "gates");
  Node steps;
  steps.op_type = "LSTMSteps";
  steps.domain = "squint";
  steps.inputs = {gates, constant({3, 12}), constant({1, 3}), constant({1, 3})};
  const ValueId states = net.graph.AddValue("states");
  steps.outputs = {states};
  net.graph.AddNode(std::move(steps));
  const ValueId sum = net.Op(
      "Add", {net.Op("MatMul", {states, constant({3, 5})}, "m"), constant({5})},
      "sum");
  net.graph.AddOutput(sum);
  Recipe recipe;
  recipe.target = "edge";
  const Selection edge = net.Select(recipe);
  EXPECT_FALSE(edge.MadeInteger(gates));
  EXPECT_TRUE(edge.MadeInteger(states));
  EXPECT_TRUE(edge.MadeInteger(sum));
  recipe.target = "squint";
  const Selection own = net.Select(recipe);
  EXPECT_FALSE(own.MadeInteger(states));
  EXPECT_FALSE(own.MadeInteger(sum));
}

TEST(Selection, FollowersOfFloatNodesStayFloat) {
  Net net;
  const ValueId t = net.Op("Tanh", {net.x}, "t");
  const ValueId sum = net.Op("Add", {t, net.x}, "sum");
  net.graph.AddOutput(net.Conv(sum, "a"));
  const Selection s = net.Select();
  EXPECT_FALSE(s.of(net.NodeOf(sum)).integer);
  EXPECT_THAT(s.of(net.NodeOf(sum)).reason, HasSubstr("made in float"));
}

TEST(Selection, ClampIsNotAbsorbedWhenItsInputHasAnotherReader) {
  Net net;
  const ValueId a = net.Conv(net.x, "a");
  const ValueId relu = net.Op("Relu", {a}, "relu");
  net.graph.AddOutput(net.Conv(net.Op("Add", {a, relu}, "sum"), "last"));
  const Selection s = net.Select();
  EXPECT_FALSE(s.of(net.NodeOf(relu)).absorbed_clamp);
}

TEST(Selection, ExclusionsSpeakTheUsersNames) {
  Net net;
  const ValueId a = net.Conv(net.x, "a");
  net.graph.node(net.NodeOf(a)).user_names = {"model/first"};
  net.graph.AddOutput(a);
  Recipe recipe;
  recipe.exclude_nodes = {"model/first"};
  const Selection s = net.Select(recipe);
  EXPECT_EQ(s.of(net.NodeOf(a)).kind, FloatKind::kExcluded);
}

}  // namespace
}  // namespace squint
