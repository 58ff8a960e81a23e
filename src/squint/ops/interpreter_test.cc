#include "squint/ops/interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// y = a * b in the given type.
Graph ProductIn(DType dtype) {
  Graph graph;
  const ValueId a = graph.AddInput("a", dtype, Shape::Of({1, 2}));
  const ValueId b =
      graph.AddConstant("b", Floats({2, 1}, {1, 1}).CastTo(dtype));
  graph.AddOutput(graph.Emit("MatMul", {a, b}, "y"));
  InferShapes(graph);
  return graph;
}

TEST(Interpret, ComputesHalfPrecisionInFloatAndRoundsTheResult) {
  // 2048 + 1 needs 12 bits: float16 has 11, bfloat16 has 8.
  for (const DType dtype : {DType::kFloat16, DType::kBfloat16}) {
    const Graph graph = ProductIn(dtype);
    const Tensor y =
        Interpret(graph, {Floats({1, 2}, {2048, 1}).CastTo(dtype)})[0];
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_THAT(y.ToFloats(), ElementsAre(2048));
  }
  EXPECT_THAT(
      Interpret(ProductIn(DType::kFloat32), {Floats({1, 2}, {2048, 1})})[0]
          .ToFloats(),
      ElementsAre(2049));
}

TEST(Interpret, OneNodeKeepsHalfPrecisionToo) {
  const Graph graph = ProductIn(DType::kFloat16);
  const Tensor a = Floats({1, 2}, {2, 1}).CastTo(DType::kFloat16);
  const Node& node = graph.node(graph.order()[0]);
  const Tensor y =
      RunNodeReference(graph, node, {&a, graph.ConstantOf(node.input(1))})[0];
  EXPECT_EQ(y.dtype(), DType::kFloat16);
  EXPECT_THAT(y.ToFloats(), ElementsAre(3));
}

TEST(Interpret, TapsSeeEveryValueAsRealOrAsStored) {
  Graph graph = ProductIn(DType::kFloat32);
  graph.value(graph.outputs()[0]).quant = PerTensor(DType::kUint8, 2.0f, 10);
  for (const bool stored : {false, true}) {
    std::vector<float> seen;
    InterpreterOptions options;
    options.tap_stored = stored;
    options.tap = [&](ValueId id, const Tensor& value) {
      EXPECT_EQ(id, graph.outputs()[0]);
      seen = value.ToFloats();
    };
    Interpret(graph, {Floats({1, 2}, {3, 3})}, options);
    EXPECT_THAT(seen, ElementsAre(stored ? 13 : 6));
  }
}

TEST(Interpret, NamesTheNodeThatFails) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({1}));
  graph.AddOutput(graph.Emit("Frobnicate", {x}, "y"));
  try {
    Interpret(graph, {Floats({1}, {0})});
    ADD_FAILURE() << "ran";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.message(), HasSubstr("Frobnicate"));
  }
  EXPECT_THROW(Interpret(graph, {}), Error);
}

}  // namespace
}  // namespace squint
