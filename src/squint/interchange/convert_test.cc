#include "squint/interchange/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/interchange/interchange.h"
#include "squint/interchange/qdq_builder.h"
#include "squint/interchange/qdq_graphs.h"
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
                                 std::pair(DType::kUint8, DType::kInt8),
                                 std::pair(DType::kInt16, DType::kUint16),
                                 std::pair(DType::kUint16, DType::kInt16)}) {
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

TEST(MakeActivationsSigned, TurnsBothSizes) {
  for (const auto& [from, to] : {std::pair(DType::kUint8, DType::kInt8),
                                 std::pair(DType::kUint16, DType::kInt16)}) {
    Graph graph = Activations(from);
    EXPECT_TRUE(MakeActivationsSigned(graph).empty());
    EXPECT_EQ(graph.value(graph.outputs()[0]).quant->dtype, to);
  }
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

}  // namespace
}  // namespace squint
