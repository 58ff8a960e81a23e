#include "squint/interchange/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq_builder.h"
#include "squint/interchange/qdq_graphs.h"
#include "squint/interchange/versions.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

using testing::HasSubstr;

Tensor Reals(Dims dims) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = static_cast<float>(i % 91 - 45) * 0.031f;
  }
  return tensor;
}

// x -> Conv -> + constant -> y, activations of this type, absorbed.
Graph Activations(DType dtype) {
  QdqBuilder b(dtype);
  const ValueId x = b.Pair(b.Input({1, 2, 4, 4}));
  const ValueId conv =
      b.Op("Conv", {x, b.Weight(DType::kInt8, {2, 2, 3, 3}, 0), b.Bias(2)});
  const ValueId y = b.Op("Add", {b.Pair(conv), b.Pair(b.Scalar(0.37f))});
  Graph graph = b.Finish({b.Pair(y)});
  Absorb(graph);
  return graph;
}

TEST(ChangeActivations, ChangesNoNumberInEitherReading) {
  for (const auto& [from, to] : {std::pair(DType::kInt8, DType::kUint8),
                                 std::pair(DType::kUint8, DType::kInt8)}) {
    const Graph before = Activations(from);
    Graph after = before;
    EXPECT_TRUE(ChangeActivations(after, to).empty());
    for (ValueId id = 0; id < after.num_values(); ++id) {
      if (!after.value(id).quant) continue;
      const bool weight = after.value(id).constant.rank() == 4;
      const DType dtype = after.value(id).quant->dtype;
      if (dtype == DType::kInt32) continue;
      EXPECT_EQ(dtype, weight ? DType::kInt8 : to);
    }
    const Tensor x = Reals({1, 2, 4, 4});
    for (const Reading reading : {Reading::kAsWritten, Reading::kInteger}) {
      EXPECT_EQ(Interpret(after, {x}, {.reading = reading})[0].ToFloats(),
                Interpret(before, {x}, {.reading = reading})[0].ToFloats());
    }
  }
}

TEST(ChangeActivations, ThereAndBackIsWhatItWas) {
  const Graph before = Activations(DType::kInt8);
  Graph after = before;
  ChangeActivations(after, DType::kUint8);
  EXPECT_NE(PrintGraph(after), PrintGraph(before));
  ChangeActivations(after, DType::kInt8);
  EXPECT_EQ(PrintGraph(after), PrintGraph(before));
}

TEST(ChangeActivations, KeepsIntegersThatTheCallerGives) {
  QdqBuilder b(DType::kInt8);
  const ValueId q = b.graph.AddInput("q", DType::kInt8, Shape::Of({4}));
  const ValueId y = b.Op("Relu", {b.Dequantize(q)});
  Graph graph = b.Finish({b.Pair(y)});
  Absorb(graph);
  const auto kept = ChangeActivations(graph, DType::kUint8);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_THAT(kept[0], HasSubstr("keeps int8"));
  EXPECT_EQ(graph.value(graph.inputs()[0]).dtype, DType::kInt8);
}

TEST(RequireQdq, NamesTheNodeThatStays) {
  for (const QuantizedExample& example : QOperatorExamples()) {
    Graph graph = example.graph;
    Absorb(graph);
    if (example.what == "QLinearSoftmax of opset 11") {
      EXPECT_THROW(RequireQdq(graph), Error);
    } else if (example.absorbed) {
      EXPECT_NO_THROW(RequireQdq(graph)) << example.what;
    }
  }
}

// ---- opsets

Graph Reduction() {
  QdqBuilder b;
  const ValueId x = b.Input({2, 3});
  return b.Finish({b.Op("ReduceMean", {x, b.Ints({1})})});
}

TEST(SetVersions, WritesAxesAsTheAttributeTheyWere) {
  Graph graph = Reduction();
  LowerNodes(graph, 13);
  SetVersions(graph, 13);
  EXPECT_EQ(graph.opset[""], 13);
  EXPECT_EQ(graph.ir_version, 7);
  const Node& node = NodeOf(graph, "ReduceMean");
  EXPECT_EQ(node.inputs.size(), 1u);
  EXPECT_EQ(node.Ints("axes"), (std::vector<int64_t>{1}));
}

TEST(SetVersions, LeavesThemAnInputWhereTheyAreOne) {
  Graph graph = Reduction();
  LowerNodes(graph, 18);
  SetVersions(graph, 18);
  EXPECT_EQ(NodeOf(graph, "ReduceMean").inputs.size(), 2u);
}

TEST(SetVersions, NamesTheNodeThatIsNotLegalThere) {
  QdqBuilder b;
  const ValueId y = b.Op("Gelu", {b.Input({2, 3})});
  b.graph.node(b.graph.value(y).producer).name = "gate";
  Graph graph = b.Finish({y});
  try {
    SetVersions(graph, 17);
    FAIL() << "Gelu is of opset 20";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("'gate'"));
    EXPECT_THAT(error.what(), HasSubstr("needs opset 20"));
  }
  SetVersions(graph, 20);
  EXPECT_EQ(graph.ir_version, 9);
}

TEST(SetVersions, SplitSaysItsPartsInTheOldWay) {
  QdqBuilder b;
  Node node;
  node.op_type = "Split";
  node.inputs = {b.Input({2, 4})};
  node.attributes = {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}};
  node.outputs = {b.graph.AddValue("l"), b.graph.AddValue("r")};
  const std::vector<ValueId> outputs = node.outputs;
  b.graph.AddNode(node);
  Graph graph = b.Finish(outputs);
  Graph old = graph;
  LowerNodes(old, 13);
  SetVersions(old, 13);
  EXPECT_EQ(NodeOf(old, "Split").FindAttribute("num_outputs"), nullptr);
  EXPECT_THROW(SetVersions(graph, 13), Error);  // not lowered
}

TEST(SetVersions, RefusesOpsetsItDoesNotKnow) {
  Graph graph = Reduction();
  EXPECT_THROW(SetVersions(graph, 6), Error);
  EXPECT_THROW(SetVersions(graph, kNewestOpset + 1), Error);
}

TEST(SetVersions, FourBitsNeedOpset21) {
  QdqBuilder b;
  const ValueId x = b.Input({3, 4});
  Graph graph =
      b.Finish({b.Op("MatMul", {x, b.Weight(DType::kInt4, {4, 5}, -1)})});
  EXPECT_THROW(SetVersions(graph, 20), Error);
  EXPECT_NO_THROW(SetVersions(graph, 21));
}

}  // namespace
}  // namespace squint
