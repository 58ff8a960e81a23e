#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_gemm() {
  return {
      OpExample("Gemm", "transposed weight, bias")
          .In(Ramp({3, 5}))
          .Const(Ramp({4, 5}, -1, 1, 2))
          .Const(Ramp({4}, -1, 1, 3))
          .Set("transB", int64_t{1}),
      OpExample("Gemm", "no bias, alpha")
          .In(Ramp({2, 7}))
          .Const(Ramp({7, 3}, -1, 1, 2))
          .Set("alpha", 0.5f),
      OpExample("Gemm", "both factors computed")
          .In(Ramp({2, 3}))
          .In(Ramp({3, 2}, -1, 1, 2))
          .FixedSizes(),
      OpExample("Gemm", "everything at once")
          .In(Ramp({5, 2}))
          .Const(Ramp({4, 5}, -1, 1, 2))
          .Const(Ramp({2, 1}, -1, 1, 3))
          .Set("transA", int64_t{1})
          .Set("transB", int64_t{1})
          .Set("alpha", 2.0f)
          .Set("beta", -0.5f)
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

OpExample TwoByTwo(Tensor c) {
  return OpExample("Gemm", "2x2")
      .In(Floats({2, 2}, {1, 2, 3, 4}))
      .Const(Floats({2, 2}, {1, 10, 100, 1000}))
      .Const(std::move(c));
}

TEST(Gemm, MultipliesAndAddsOneBiasPerColumn) {
  EXPECT_THAT(FloatsOf(TwoByTwo(Floats({2}, {5, 7}))),
              ElementsAre(206, 2017, 408, 4037));
}

TEST(Gemm, BroadcastsEveryFormOfC) {
  EXPECT_THAT(FloatsOf(TwoByTwo(Floats({}, {1}))),
              ElementsAre(202, 2011, 404, 4031));
  EXPECT_THAT(FloatsOf(TwoByTwo(Floats({2, 1}, {1, 2}))),
              ElementsAre(202, 2011, 405, 4032));
  EXPECT_THAT(FloatsOf(TwoByTwo(Floats({1, 2}, {1, 2}))),
              ElementsAre(202, 2012, 404, 4032));
  EXPECT_THAT(FloatsOf(TwoByTwo(Floats({2, 2}, {1, 2, 3, 4}))),
              ElementsAre(202, 2012, 406, 4034));
}

TEST(Gemm, TransposesEitherFactor) {
  EXPECT_THAT(FloatsOf(TwoByTwo(Floats({}, {0})).Set("transA", int64_t{1})),
              ElementsAre(301, 3010, 402, 4020));
  EXPECT_THAT(FloatsOf(TwoByTwo(Floats({}, {0})).Set("transB", int64_t{1})),
              ElementsAre(21, 2100, 43, 4300));
}

TEST(Gemm, ScalesByAlphaAndBeta) {
  EXPECT_THAT(
      FloatsOf(
          TwoByTwo(Floats({2}, {4, 8})).Set("alpha", 2.0f).Set("beta", 0.25f)),
      ElementsAre(403, 4022, 807, 8062));
}

TEST(Gemm, RejectsSizesThatCannotMatch) {
  const auto message = [](const OpExample& example) -> std::string {
    Graph graph = GraphOf(example);
    try {
      InferShapes(graph);
    } catch (const Error& error) {
      return error.message();
    }
    return "accepted";
  };
  EXPECT_THAT(
      message(OpExample("Gemm", "inner").In(Ramp({2, 3})).Const(Ramp({2, 3}))),
      HasSubstr("inner sizes of a matrix product differ: 3 and 2"));
  EXPECT_THAT(message(TwoByTwo(Ramp({3}))), HasSubstr("C is [3]"));
  EXPECT_THAT(message(TwoByTwo(Ramp({1, 2, 2}))), HasSubstr("C is [1,2,2]"));
  EXPECT_THAT(
      message(OpExample("Gemm", "rank").In(Ramp({2})).Const(Ramp({2, 3}))),
      HasSubstr("expected a matrix"));
}

TEST(GemmRule, NamesWhatIntegersCannotExpress) {
  const auto reason = [](const OpExample& example) {
    Graph graph = GraphOf(example);
    InferShapes(graph);
    const Node& node = graph.node(graph.order()[0]);
    const Target target;
    return FindOp("Gemm")->quantize({graph, node, target}).reason;
  };
  EXPECT_EQ(reason(TwoByTwo(Floats({2}, {5, 7}))), "");
  EXPECT_THAT(reason(TwoByTwo(Floats({2}, {5, 7})).Set("alpha", 2.0f)),
              HasSubstr("alpha and beta"));
  EXPECT_THAT(reason(TwoByTwo(Floats({2, 1}, {5, 7}))),
              HasSubstr("one value per output column"));
  EXPECT_THAT(reason(TwoByTwo(Floats({2}, {5, 7})).Set("transA", int64_t{1})),
              HasSubstr("transposed"));
}

TEST(GemmInteger, AddsAnInt32BiasBeforeTheMultiply) {
  Graph graph;
  const ValueId a = graph.AddInput("a", DType::kFloat32, Shape::Of({1, 2}));
  graph.value(a).quant = PerTensor(DType::kUint8, 0.5f, 3);
  const ValueId b =
      graph.AddConstant("b", Tensor::Of<int8_t>({2, 2}, {1, 2, 3, -4}));
  graph.value(b).quant = PerTensor(DType::kInt8, 0.25f, 0);
  graph.value(b).dtype = DType::kFloat32;
  const ValueId c =
      graph.AddConstant("c", Tensor::Of<int32_t>({2}, {100, -100}));
  graph.value(c).quant = PerTensor(DType::kInt32, 0.125f, 0);
  graph.value(c).dtype = DType::kFloat32;
  const ValueId y = graph.Emit("Gemm", {a, b, c}, "y");
  graph.AddOutput(y);
  // a = (1, 2) is (2, 4) steps: sums 2*1 + 4*3 + 100 and 2*2 - 4*4 - 100.
  EXPECT_THAT(Interpret(graph, {Floats({1, 2}, {1, 2})},
                        {.reading = Reading::kInteger, .tap = {}})[0]
                  .ToFloats(),
              ElementsAre(114 * 0.125f, -112 * 0.125f));
}

// What ONNX Runtime 1.32 computes with QGemm on the same integers.
TEST(GemmInteger, EqualsOnnxRuntime) {
  EXPECT_THAT(
      IntegersOf(Examples_gemm()[0], DType::kInt8),
      ElementsAre(92, 126, 31, 103, -108, -24, -128, 4, -96, -10, 53, 81));
}

}  // namespace
}  // namespace squint
