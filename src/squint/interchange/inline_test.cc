#include "squint/interchange/inline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/example_graphs.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void NoUpgrade(Graph&) {}

// AttributeProto {name: "alpha", type: FLOAT, ref_attr_name: "slope"}.
OpaqueAttribute SlopeReference() {
  return {std::string("\x0a\x05") + "alpha" + "\xa0\x01\x01" +
          "\xaa\x01\x05slope"};
}

// pkg.Leaky(a) = Relu(LeakyRelu(a, alpha=@slope)).
ModelFunction Leaky() {
  ModelFunction function;
  function.domain = "pkg";
  function.name = "Leaky";
  function.attributes = {"slope"};
  Graph& body = function.body;
  body.opset[""] = 17;
  const ValueId a = body.AddInput("a", DType::kUndefined, {});
  const ValueId t =
      body.Emit("LeakyRelu", {a}, "t", {{"alpha", SlopeReference()}});
  body.AddOutput(body.Emit("Relu", {t}, "b"));
  return function;
}

Graph TwoCalls() {
  Graph graph = GraphWithInput("x", {4});
  graph.opset["pkg"] = 1;
  const ValueId y = EmitFloat(graph, "Leaky", {graph.inputs()[0]}, "y", {4},
                              {{"slope", 0.25f}}, "pkg");
  graph.AddOutput(EmitFloat(graph, "Leaky", {y}, "z", {4}, {}, "pkg"));
  return graph;
}

TEST(Inline, PutsTheBodyInThePlaceOfEachCall) {
  Graph graph = TwoCalls();
  int upgraded = 0;
  InlineFunctions(graph, {Leaky()}, [&](Graph& body) {
    EXPECT_EQ(body.opset.at(""), 17);
    ++upgraded;
  });
  VerifyGraph(graph);
  EXPECT_EQ(upgraded, 2);
  EXPECT_EQ(OpsOf(graph), "LeakyRelu Relu LeakyRelu Relu");
  EXPECT_EQ(graph.value(graph.outputs()[0]).name, "z");
  EXPECT_NE(graph.FindValue("y/t"), kNoValue);
  EXPECT_FALSE(graph.opset.contains("pkg"));
}

TEST(Inline, AttributesAreTheCallsOrAbsent) {
  Graph graph = TwoCalls();
  InlineFunctions(graph, {Leaky()}, NoUpgrade);
  std::vector<bool> given;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.Is("LeakyRelu")) continue;
    given.push_back(node.FindAttribute("alpha") != nullptr);
    if (given.back()) {
      EXPECT_EQ(node.Float("alpha", 0), 0.25f);
    }
  }
  EXPECT_THAT(given, ElementsAre(true, false));
}

TEST(Inline, DefaultsServeWhereTheCallSaysNothing) {
  Graph graph = TwoCalls();
  ModelFunction function = Leaky();
  function.defaults["slope"] = 0.5f;
  InlineFunctions(graph, {function}, NoUpgrade);
  std::vector<float> slopes;
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("LeakyRelu")) {
      slopes.push_back(graph.node(id).Float("alpha", 0));
    }
  }
  EXPECT_THAT(slopes, ElementsAre(0.25f, 0.5f));
}

TEST(Inline, FunctionsMayCallFunctions) {
  ModelFunction outer;
  outer.domain = "pkg";
  outer.name = "Outer";
  const ValueId a = outer.body.AddInput("a", DType::kUndefined, {});
  outer.body.AddOutput(outer.body.Emit("Leaky", {a}, "b", {}, "pkg"));
  Graph graph = GraphWithInput("x", {4});
  graph.AddOutput(
      EmitFloat(graph, "Outer", {graph.inputs()[0]}, "y", {4}, {}, "pkg"));
  InlineFunctions(graph, {Leaky(), outer}, NoUpgrade);
  VerifyGraph(graph);
  EXPECT_EQ(OpsOf(graph), "LeakyRelu Relu");
}

TEST(Inline, AFunctionThatCallsItselfIsAnInvalidModel) {
  ModelFunction loop;
  loop.domain = "pkg";
  loop.name = "Loop";
  const ValueId a = loop.body.AddInput("a", DType::kUndefined, {});
  loop.body.AddOutput(loop.body.Emit("Loop", {a}, "b", {}, "pkg"));
  Graph graph = GraphWithInput("x", {4});
  graph.AddOutput(
      EmitFloat(graph, "Loop", {graph.inputs()[0]}, "y", {4}, {}, "pkg"));
  try {
    InlineFunctions(graph, {loop}, NoUpgrade);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.what(), HasSubstr("'y'"));
  }
}

// 16 calls in each of 16 functions would unfold to 16^16 nodes.
TEST(Inline, ExplodingFunctionsAreStopped) {
  std::vector<ModelFunction> functions(16);
  for (size_t i = 0; i < functions.size(); ++i) {
    functions[i].domain = "pkg";
    functions[i].name = "F" + std::to_string(i);
    Graph& body = functions[i].body;
    ValueId last = body.AddInput("a", DType::kUndefined, {});
    for (int call = 0; call < 16; ++call) {
      last = body.Emit("F" + std::to_string(i + 1), {last}, "b", {}, "pkg");
    }
    body.AddOutput(last);
  }
  Graph graph = GraphWithInput("x", {4});
  graph.AddOutput(
      EmitFloat(graph, "F0", {graph.inputs()[0]}, "y", {4}, {}, "pkg"));
  EXPECT_THROW(InlineFunctions(graph, functions, NoUpgrade), Error);
}

TEST(Inline, OutputsThatAreInputsOrConstantsArePassedOn) {
  ModelFunction function;
  function.domain = "pkg";
  function.name = "Pass";
  Graph& body = function.body;
  const ValueId a = body.AddInput("a", DType::kUndefined, {});
  const ValueId c = body.AddConstant("c", Tensor::Scalar<float>(3.0f));
  const ValueId r = body.Emit("Relu", {a}, "r");
  for (const ValueId id : {a, c, r, r}) body.AddOutput(id);
  Graph graph = GraphWithInput("x", {4});
  Node call;
  call.op_type = "Pass";
  call.domain = "pkg";
  call.inputs = graph.inputs();
  for (const char* name : {"p", "q", "r", "s"}) {
    call.outputs.push_back(graph.AddValue(name, DType::kFloat32));
    graph.AddOutput(call.outputs.back());
  }
  graph.AddNode(call);
  InlineFunctions(graph, {function}, NoUpgrade);
  VerifyGraph(graph);
  EXPECT_EQ(OpsOf(graph), "Relu Identity Identity Identity");
}

TEST(Inline, OptionalInputsThatTheCallLeavesOutStayAbsent) {
  ModelFunction function;
  function.domain = "pkg";
  function.name = "Limit";
  Graph& body = function.body;
  const ValueId a = body.AddInput("a", DType::kUndefined, {});
  const ValueId low = body.AddInput("low", DType::kUndefined, {});
  body.AddOutput(body.Emit("Clip", {a, low}, "b"));
  Graph graph = GraphWithInput("x", {4});
  graph.AddOutput(
      EmitFloat(graph, "Limit", {graph.inputs()[0]}, "y", {4}, {}, "pkg"));
  InlineFunctions(graph, {function}, NoUpgrade);
  EXPECT_FALSE(NodeOf(graph, "Clip").has_input(1));
}

}  // namespace
}  // namespace squint
