#include "squint/onnx/graph_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/hash.h"
#include "squint/onnx/test_models.h"

namespace squint {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Error ReadErrorOf(const GraphProto& graph) {
  return ErrorOf([&] { ReadProto(graph); });
}

Rope GraphAttribute(std::string_view name, const GraphProto& graph) {
  Rope attribute;
  attribute.AddBytes(AttributeField::kName, name);
  attribute.AddMessage(AttributeField::kGraph, graph.bytes);
  attribute.AddInt(AttributeField::kType, AttributeType::kGraph);
  return attribute;
}

// ValueInfoProto of a float32 tensor with the given dimensions.
Rope TypedInfo(std::string_view name, const std::vector<Rope>& dims) {
  Rope shape;
  for (const Rope& dim : dims) shape.AddMessage(ShapeField::kDim, dim);
  Rope tensor;
  tensor.AddInt(TensorTypeField::kElemType, 1);
  tensor.AddMessage(TensorTypeField::kShape, shape);
  Rope type;
  type.AddMessage(TypeField::kTensor, tensor);
  Rope info = InfoProto(name);
  info.AddMessage(ValueInfoField::kType, type);
  return info;
}

TEST(GraphReader, SortsNodesAndKeepsUserNames) {
  Rope second = NodeProto("Relu", {"a"}, {"b"});
  second.AddBytes(NodeField::kName, "second");
  GraphProto proto;
  proto.Input("x")
      .Node(second)
      .Node(NodeProto("Neg", {"x"}, {"a"}))
      .Output("b");
  const Graph graph = ReadProto(proto);
  ASSERT_EQ(graph.order().size(), 2u);
  EXPECT_EQ(graph.node(graph.order()[0]).op_type, "Neg");
  EXPECT_THAT(graph.node(graph.order()[1]).user_names, ElementsAre("second"));
  EXPECT_EQ(graph.value(graph.FindValue("a")).user_name, "a");
}

TEST(GraphReader, KeepsPlacesOfAbsentInputsAndOutputs) {
  GraphProto proto;
  proto.Input("x")
      .Node(NodeProto("Clip", {"x", "", "x"}, {"", "y"}))
      .Output("y");
  const Graph graph = ReadProto(proto);
  const Node& node = graph.node(0);
  ASSERT_EQ(node.inputs.size(), 3u);
  EXPECT_EQ(node.inputs[1], kNoValue);
  EXPECT_EQ(node.outputs[0], kNoValue);
}

TEST(GraphReader, ReadsDimensionsOfEveryKind) {
  Rope number;
  number.AddInt(DimField::kValue, 3);
  Rope zero;
  zero.AddInt(DimField::kValue, 0);
  Rope negative;
  negative.AddInt(DimField::kValue, -1);
  Rope symbol;
  symbol.AddBytes(DimField::kParam, "batch");
  Rope nameless;
  nameless.AddBytes(DimField::kParam, "");
  GraphProto proto;
  proto.Add(GraphField::kInput,
            TypedInfo("x", {symbol, number, zero, negative, nameless, Rope()}));
  const Graph graph = ReadProto(proto);
  EXPECT_EQ(graph.value(0).shape.ToString(), "[batch,3,0,?,?,?]");
  EXPECT_EQ(graph.value(0).dtype, DType::kFloat32);
}

TEST(GraphReader, TellsAScalarFromAnUnknownRank) {
  GraphProto proto;
  proto.Add(GraphField::kInput, TypedInfo("scalar", {})).Input("unknown");
  const Graph graph = ReadProto(proto);
  EXPECT_TRUE(graph.value(graph.FindValue("scalar")).shape.has_rank());
  EXPECT_FALSE(graph.value(graph.FindValue("unknown")).shape.has_rank());
}

TEST(GraphReader, KeepsDenotationsAndDocsOfValues) {
  Rope type;
  type.AddBytes(TypeField::kDenotation, "IMAGE");
  Rope info = TypedInfo("x", {});
  info.AddMessage(ValueInfoField::kType, type);
  info.AddBytes(ValueInfoField::kDoc, "a picture");
  GraphProto proto;
  proto.Add(GraphField::kInput, info).Output("x");
  const Graph graph = WriteAndRead(ReadProto(proto));
  const Value& value = graph.value(graph.inputs()[0]);
  EXPECT_EQ(value.dtype, DType::kFloat32);
  EXPECT_TRUE(value.shape.has_rank());
  EXPECT_THAT(value.opaque_fields, HasSubstr("IMAGE"));
  EXPECT_THAT(value.opaque_fields, HasSubstr("a picture"));
}

TEST(GraphReader, DescriptionsDoNotGrowByBeingWrittenAndRead) {
  constexpr uint32_t kSequence = 4;
  Rope type;
  type.AddBytes(kSequence, "");
  type.AddBytes(TypeField::kDenotation, "IMAGES");
  Rope sequence = InfoProto("x");
  sequence.AddMessage(ValueInfoField::kType, type);
  Rope again = InfoProto("x");
  again.AddBytes(ValueInfoField::kDoc, "as an output");
  GraphProto proto;
  proto.Add(GraphField::kInput, sequence).Add(GraphField::kOutput, again);
  const Graph once = WriteAndRead(ReadProto(proto));
  const Graph twice = WriteAndRead(once);
  const Value& a = once.value(once.inputs()[0]);
  const Value& b = twice.value(twice.inputs()[0]);
  EXPECT_THAT(a.type_bytes, HasSubstr("IMAGES"));
  EXPECT_THAT(a.opaque_fields, HasSubstr("as an output"));
  EXPECT_EQ(b.type_bytes, a.type_bytes);
  EXPECT_EQ(b.opaque_fields, a.opaque_fields);
}

TEST(GraphReader, InitializersListedAsInputsAreConstants) {
  GraphProto proto;
  proto.Input("w").Input("x").Initializer(FloatsProto("w")).Output("w");
  const Graph graph = ReadProto(proto);
  EXPECT_THAT(graph.inputs(), ElementsAre(graph.FindValue("x")));
  EXPECT_TRUE(graph.value(graph.FindValue("w")).is_constant());
}

TEST(GraphReader, UndefinedInputsAreErrorsThatNameNodeAndTensor) {
  GraphProto proto;
  proto.Node(NodeProto("Relu", {"ghost"}, {"y"}));
  const Error error = ReadErrorOf(proto);
  EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
  EXPECT_THAT(error.what(), HasSubstr("model.onnx"));
  EXPECT_THAT(error.what(), HasSubstr("node of 'y' (Relu)"));
  EXPECT_THAT(error.what(), HasSubstr("'ghost'"));
  EXPECT_THAT(ReadErrorOf(GraphProto().Output("ghost")).what(),
              HasSubstr("'ghost'"));
}

TEST(GraphReader, NamesDefinedTwiceAreErrors) {
  const Rope node = NodeProto("Relu", {"x"}, {"y"});
  for (const GraphProto& proto :
       {GraphProto().Input("x").Input("x"),
        GraphProto().Input("x").Node(node).Node(node),
        GraphProto().Input("x").Input("y").Node(node),
        GraphProto().Input("x").Initializer(FloatsProto("y")).Node(node),
        GraphProto()
            .Initializer(FloatsProto("w"))
            .Initializer(FloatsProto("w"))}) {
    const Error error = ReadErrorOf(proto);
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.what(), HasSubstr("defined twice"));
  }
}

TEST(GraphReader, NamelessTensorsAndNodesWithoutTypeAreErrors) {
  EXPECT_THROW(ReadProto(GraphProto().Input("")), Error);
  EXPECT_THROW(ReadProto(GraphProto().Output("")), Error);
  EXPECT_THROW(ReadProto(GraphProto().Initializer(FloatsProto(""))), Error);
  EXPECT_THROW(ReadProto(GraphProto().Node(NodeProto("", {}, {"y"}))), Error);
}

TEST(GraphReader, CyclesAreErrors) {
  GraphProto proto;
  proto.Node(NodeProto("Relu", {"b"}, {"a"}))
      .Node(NodeProto("Neg", {"a"}, {"b"}));
  const Error error = ReadErrorOf(proto);
  EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
  EXPECT_THAT(error.what(), HasSubstr("cycle"));
  EXPECT_THROW(ReadProto(GraphProto().Node(NodeProto("Relu", {"a"}, {"a"}))),
               Error);
}

TEST(GraphReader, NestedGraphsCaptureThroughEveryLevel) {
  GraphProto inner;
  inner.Node(NodeProto("Add", {"x", "w"}, {"inner_sum"})).Output("inner_sum");
  Rope inner_if = NodeProto("If", {"c"}, {"middle_out"});
  inner_if.AddMessage(NodeField::kAttribute, GraphAttribute("then", inner));
  GraphProto middle;
  middle.Node(inner_if).Output("middle_out");
  Rope outer_if = NodeProto("If", {"c"}, {"y"});
  outer_if.AddMessage(NodeField::kAttribute, GraphAttribute("then", middle));
  GraphProto proto;
  proto.Add(GraphField::kInput, TypedInfo("x", {}))
      .Input("c")
      .Node(outer_if)  // reads w before its producer comes
      .Node(NodeProto("Neg", {"x"}, {"w"}))
      .Output("y");
  const Graph graph = ReadProto(proto);

  const Node& node = graph.node(graph.value(graph.FindValue("y")).producer);
  ASSERT_EQ(node.captures.size(), 3u);
  EXPECT_EQ(graph.order().back(), graph.value(graph.FindValue("y")).producer);
  const Graph& level1 = *std::get<GraphBox>(node.attributes.at("then"));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(level1.value(level1.captures()[i]).name,
              graph.value(node.captures[i]).name);
  }
  const Graph& level2 =
      *std::get<GraphBox>(level1.node(0).attributes.at("then"));
  ASSERT_EQ(level2.captures().size(), 2u);
  const Value& x = level2.value(level2.FindValue("x"));
  EXPECT_EQ(x.dtype, DType::kFloat32);
  EXPECT_TRUE(x.shape.has_rank());
  EXPECT_EQ(level2.opset.at(""), 21);
}

TEST(GraphReader, WhatANestedGraphReadsMustExist) {
  GraphProto inner;
  inner.Node(NodeProto("Relu", {"ghost"}, {"r"})).Output("r");
  Rope node = NodeProto("If", {"c"}, {"y"});
  node.AddMessage(NodeField::kAttribute, GraphAttribute("then", inner));
  const Error error = ReadErrorOf(GraphProto().Input("c").Node(node));
  EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
  EXPECT_THAT(error.what(), HasSubstr("nested graph of node of 'y'"));
  EXPECT_THAT(error.what(), HasSubstr("'ghost'"));
}

TEST(GraphReader, ANestedGraphThatReadsItsOwnResultIsACycle) {
  GraphProto inner;
  inner.Node(NodeProto("Relu", {"y"}, {"r"})).Output("r");
  Rope node = NodeProto("If", {"c"}, {"y"});
  node.AddMessage(NodeField::kAttribute, GraphAttribute("then", inner));
  EXPECT_THAT(ReadErrorOf(GraphProto().Input("c").Node(node)).what(),
              HasSubstr("cycle"));
}

TEST(GraphReader, AttributesWithoutATypeAreToldByTheirField) {
  Rope attribute;
  attribute.AddBytes(AttributeField::kName, "axis");
  attribute.AddInt(AttributeField::kInt, -1);
  Rope node = NodeProto("Softmax", {"x"}, {"y"});
  node.AddMessage(NodeField::kAttribute, attribute);
  const Graph graph = ReadProto(GraphProto().Input("x").Node(node));
  EXPECT_EQ(graph.node(0).Int("axis", 1), -1);
}

TEST(GraphReader, AnAttributeGivenTwiceIsAnError) {
  Rope attribute;
  attribute.AddBytes(AttributeField::kName, "axis");
  attribute.AddInt(AttributeField::kInt, 1);
  Rope node = NodeProto("Softmax", {"x"}, {"y"});
  node.AddMessage(NodeField::kAttribute, attribute);
  node.AddMessage(NodeField::kAttribute, attribute);
  EXPECT_THAT(ReadErrorOf(GraphProto().Input("x").Node(node)).what(),
              HasSubstr("node of 'y' (Softmax): attribute 'axis'"));
}

TEST(ModelReader, TwoVersionsOfAnOperatorSetAreAnError) {
  Rope opset;
  opset.AddBytes(OpsetField::kDomain, "ai.onnx");
  opset.AddInt(OpsetField::kVersion, 20);
  Rope model = ModelProto(GraphProto());
  model.AddMessage(ModelField::kOpsetImport, opset);
  EXPECT_THAT(ErrorOf([&] { ReadBytes(model.ToString()); }).what(),
              HasSubstr("21 and 20"));
}

TEST(ModelReader, AModelWithoutOperatorSetsMeansVersion1) {
  Rope model;
  model.AddMessage(ModelField::kGraph, Rope());
  EXPECT_EQ(ReadBytes(model.ToString()).graph.opset.at(""), 1);
}

TEST(ModelReader, HashAndSizeAreThoseOfTheFile) {
  const std::string bytes =
      ModelProto(GraphProto().Input("x").Output("x")).ToString();
  const ReadOnnxResult result = ReadBytes(bytes);
  EXPECT_EQ(result.hash,
            ContentHash(std::as_bytes(std::span(bytes.data(), bytes.size()))));
  EXPECT_EQ(result.file_bytes, bytes.size());
  EXPECT_EQ(result.external_bytes, 0u);
}

}  // namespace
}  // namespace squint
