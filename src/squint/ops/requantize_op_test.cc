#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_requantize_op() {
  return {OpExample("Requantize", "float", "squint").In(Ramp({2, 3}))};
}

namespace {

using testing::ElementsAre;

// x -> Requantize -> y.
Graph OneRequantize(std::optional<QuantParams> in,
                    std::optional<QuantParams> out) {
  Graph graph;
  const ValueId x = graph.AddInput("x", DType::kFloat32, Shape::Of({5}));
  const ValueId y = graph.Emit("Requantize", {x}, "y", {}, "squint");
  graph.value(x).quant = std::move(in);
  graph.value(y).quant = std::move(out);
  graph.AddOutput(y);
  InferShapes(graph);
  return graph;
}

std::vector<float> RunBoth(const Graph& graph, const Tensor& x) {
  const auto written = Interpret(graph, {x})[0].ToFloats();
  const auto integer =
      Interpret(graph, {x}, {.reading = Reading::kInteger})[0].ToFloats();
  EXPECT_EQ(written, integer);
  return written;
}

const Tensor kFive =
    Tensor::Of<float>({5}, {-1000.0f, -0.3f, 0.25f, 0.75f, 1000.0f});

TEST(Requantize, KeepsTypeAndShape) {
  const Graph graph = OneRequantize({}, PerTensor(DType::kInt8, 0.5f, 0));
  const Value& y = graph.value(graph.FindValue("y"));
  EXPECT_EQ(y.dtype, DType::kFloat32);
  EXPECT_TRUE(y.shape == Shape::Of({5}));
}

TEST(Requantize, TurnsFloatIntoTheGridOfTheOutput) {
  EXPECT_THAT(
      RunBoth(OneRequantize({}, PerTensor(DType::kInt8, 0.5f, 10)), kFive),
      ElementsAre(-69.0f, -0.5f, 0.0f, 1.0f, 58.5f));
}

TEST(Requantize, TurnsIntegersIntoOtherIntegers) {
  EXPECT_THAT(RunBoth(OneRequantize(PerTensor(DType::kUint8, 0.25f, 128),
                                    PerTensor(DType::kInt8, 0.5f, 0)),
                      kFive),
              ElementsAre(-32.0f, 0.0f, 0.0f, 1.0f, 32.0f));
}

TEST(Requantize, TurnsIntegersIntoFloat) {
  EXPECT_THAT(
      RunBoth(OneRequantize(PerTensor(DType::kUint8, 0.25f, 128), {}), kFive),
      ElementsAre(-32.0f, -0.25f, 0.25f, 0.75f, 31.75f));
}

}  // namespace
}  // namespace squint
