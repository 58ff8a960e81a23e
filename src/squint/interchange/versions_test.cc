#include "squint/interchange/versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/example_graphs.h"
#include "squint/interchange/interchange.h"

namespace squint {
namespace {

Graph OneNode(std::string_view op_type, int64_t file_opset) {
  Graph graph = GraphWithInput("x", {4});
  graph.AddOutput(EmitFloat(graph, op_type, {graph.inputs()[0]}, "y", {4}));
  graph.opset[std::string(kFileOpset)] = file_opset;
  return graph;
}

int64_t LowestOpsetOf(Graph graph) {
  SetLowestVersions(graph);
  return graph.opset[""];
}

TEST(Versions, DefinitionIsTheLastOneUpToTheOpset) {
  EXPECT_EQ(DefinitionAt("Softmax", 10), 1);
  EXPECT_EQ(DefinitionAt("Softmax", 11), 11);
  EXPECT_EQ(DefinitionAt("Softmax", 25), 13);
  EXPECT_EQ(DefinitionAt("Abs", 13), 13);
  EXPECT_EQ(DefinitionAt("Xor", 6), 1);
  EXPECT_EQ(DefinitionAt("Gelu", 19), std::nullopt);
  EXPECT_EQ(DefinitionAt("Upsample", 9), 9);
  EXPECT_EQ(DefinitionAt("Upsample", 10), std::nullopt);
  EXPECT_EQ(DefinitionAt("NoSuchOperator", 20), std::nullopt);
}

TEST(Versions, MoreTypesAreNoOtherMeaning) {
  EXPECT_TRUE(MeansTheSame("If", 11, 25));
  EXPECT_TRUE(MeansTheSame("Abs", 6, 13));
  EXPECT_FALSE(MeansTheSame("Softmax", 12, 13));
  EXPECT_TRUE(MeansTheSame("Softmax", 13, 25));
  EXPECT_FALSE(MeansTheSame("Split", 13, 18));
  EXPECT_FALSE(MeansTheSame("Gelu", 19, 20));  // there is none in 19
  EXPECT_TRUE(MeansTheSame("NoSuchOperator", 7, 25));
}

TEST(Versions, IrFollowsTheReleases) {
  EXPECT_EQ(IrVersionFor(7), 3);
  EXPECT_EQ(IrVersionFor(13), 7);
  EXPECT_EQ(IrVersionFor(18), 8);
  EXPECT_EQ(IrVersionFor(20), 9);
  EXPECT_EQ(IrVersionFor(21), 10);
  EXPECT_EQ(IrVersionFor(22), 10);
  EXPECT_EQ(IrVersionFor(23), 11);
  EXPECT_EQ(IrVersionFor(24), 12);
  EXPECT_EQ(IrVersionFor(25), 13);
}

TEST(Versions, PlainGraphsAreWrittenInOpset21) {
  Graph graph = LayOutQuantization(QuantizedConv());
  SetLowestVersions(graph);
  EXPECT_EQ(graph.opset[""], 21);
  EXPECT_EQ(graph.ir_version, 10);
  EXPECT_FALSE(graph.opset.contains("com.microsoft"));
}

TEST(Versions, TypesRaiseTheOpset) {
  Graph graph = GraphWithInput("x", {4});
  const ValueId w = AddQuantizedConstant(graph, "w", Tensor(DType::kInt2, {4}),
                                         PerTensor(DType::kInt2, 0.5f, 0));
  graph.AddOutput(EmitFloat(graph, "Add", {graph.inputs()[0], w}, "y", {4}));
  graph = LayOutQuantization(graph);
  SetLowestVersions(graph);
  EXPECT_EQ(graph.opset[""], 25);
  EXPECT_EQ(graph.ir_version, 13);
}

TEST(Versions, OrtOperatorsImportTheirDomain) {
  Graph graph = OneNode("Relu", 25);
  graph.node(graph.order()[0]).domain = "com.microsoft";
  SetLowestVersions(graph);
  EXPECT_EQ(graph.opset["com.microsoft"], 1);
}

// TfIdfVectorizer and SequenceMap have no rows and never changed since;
// Swish is new in 24.
TEST(Versions, UnknownOperatorsThatNeverChangedDoNotBind) {
  EXPECT_EQ(LowestOpsetOf(OneNode("TfIdfVectorizer", 12)), 21);
}

TEST(Versions, UnknownOperatorsOfLaterOpsetsRaiseIt) {
  EXPECT_EQ(LowestOpsetOf(OneNode("Swish", 25)), 24);
}

TEST(Versions, AttentionNeedsTheOpsetOfWhatItUses) {
  Graph graph = OneNode("Attention", 25);
  EXPECT_EQ(LowestOpsetOf(graph), 23);
  Node& node = graph.node(graph.order()[0]);
  node.inputs.resize(6, kNoValue);
  node.inputs.push_back(graph.inputs()[0]);
  EXPECT_EQ(LowestOpsetOf(graph), 24);
  node.Set("left_window_size", int64_t{3});
  EXPECT_EQ(LowestOpsetOf(graph), 25);
}

}  // namespace
}  // namespace squint
