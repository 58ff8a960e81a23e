#include "squint/onnx/functions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/onnx/test_models.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Scaled(x; gain) = Elu(x; alpha = gain) of domain 'local', opset 18.
Rope FunctionProto() {
  Rope reference;
  reference.AddBytes(AttributeField::kName, "alpha");
  reference.AddInt(AttributeField::kType, AttributeType::kFloat);
  reference.AddBytes(AttributeField::kRefName, "gain");
  Rope node = NodeProto("Elu", {"x"}, {"y"});
  node.AddMessage(NodeField::kAttribute, reference);
  Rope opset;
  opset.AddInt(OpsetField::kVersion, 18);
  Rope preset;
  preset.AddBytes(AttributeField::kName, "bias");
  preset.AddInt(AttributeField::kInt, 4);
  Rope function;
  function.AddBytes(FunctionField::kName, "Scaled");
  function.AddBytes(FunctionField::kDomain, "local");
  function.AddBytes(FunctionField::kInput, "x");
  function.AddBytes(FunctionField::kOutput, "y");
  function.AddBytes(FunctionField::kAttribute, "gain");
  function.AddMessage(FunctionField::kAttributeProto, preset);
  function.AddMessage(FunctionField::kOpsetImport, opset);
  function.AddMessage(FunctionField::kNode, node);
  function.AddBytes(FunctionField::kOverload, "wide");
  return function;
}

Graph Caller(const Rope& function) {
  Rope call = NodeProto("Scaled", {"a"}, {"b"});
  call.AddBytes(NodeField::kDomain, "local");
  call.AddBytes(NodeField::kOverload, "wide");
  GraphProto graph;
  graph.Input("a").Node(call).Output("b");
  Rope model = ModelProto(graph);
  model.AddMessage(ModelField::kFunctions, function);
  model.AddBytes(4, "other");
  return ReadBytes(model.ToString()).graph;
}

TEST(ReadFunctions, GivesBodyAttributesAndOpset) {
  const Graph graph = Caller(FunctionProto());
  const auto functions = ReadFunctions(graph, "m.onnx");
  ASSERT_EQ(functions.size(), 1u);
  const ModelFunction& function = functions[0];
  EXPECT_EQ(function.name, "Scaled");
  EXPECT_EQ(function.domain, "local");
  EXPECT_EQ(function.overload, OverloadOf(graph.node(0)));
  EXPECT_THAT(function.attributes, ElementsAre("gain"));
  EXPECT_EQ(std::get<int64_t>(function.defaults.at("bias")), 4);
  const Graph& body = function.body;
  EXPECT_EQ(body.opset.at(""), 18);
  EXPECT_THAT(body.inputs(), ElementsAre(body.FindValue("x")));
  EXPECT_THAT(body.outputs(), ElementsAre(body.FindValue("y")));
  EXPECT_EQ(ReferredAttribute(body.node(0).attributes.at("alpha")), "gain");
  EXPECT_EQ(ReferredAttribute(function.defaults.at("bias")), "");
}

TEST(ReadFunctions, AnErrorInABodyNamesTheFunction) {
  Rope function = FunctionProto();
  function.AddMessage(FunctionField::kNode, NodeProto("Neg", {"ghost"}, {}));
  const Graph graph = Caller(function);
  EXPECT_THAT(ErrorOf([&] { ReadFunctions(graph, "m.onnx"); }).what(),
              HasSubstr("function 'Scaled'"));
}

TEST(DropFunctions, LeavesTheOtherFieldsOfTheModel) {
  Graph graph = Caller(FunctionProto());
  DropFunctions(graph);
  EXPECT_TRUE(ReadFunctions(graph, "m.onnx").empty());
  EXPECT_THAT(graph.opaque_model_fields, HasSubstr("other"));
}

}  // namespace
}  // namespace squint
