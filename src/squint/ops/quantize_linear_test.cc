#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_quantize_linear() {
  return {
      OpExample("QuantizeLinear", "no zero point")
          .In(Ramp({2, 3}))
          .Const(Floats({}, {0.01f})),
      OpExample("QuantizeLinear", "int4 by output_dtype")
          .In(Ramp({2, 3}))
          .Const(Floats({}, {0.2f}))
          .Set("output_dtype", static_cast<int64_t>(DType::kInt4)),
      OpExample("DequantizeLinear", "per tensor")
          .In(Tensor::Of<int8_t>({2, 3}, {1, 2, 3, -1, -2, -128}))
          .Const(Floats({}, {0.5f}))
          .Const(Tensor::Of<int8_t>({}, {-3})),
      OpExample("DequantizeLinear", "per channel")
          .In(Tensor::Of<int8_t>({2, 3}, {1, 2, 3, -1, -2, -128}))
          .Const(Floats({3}, {1, 0.5f, 2}))
          .Const(Tensor::Of<int8_t>({3}, {0, 1, -1})),
      OpExample("DequantizeLinear", "to float16")
          .In(Tensor::Of<uint8_t>({2}, {1, 255}))
          .Const(Floats({}, {0.5f}).CastTo(DType::kFloat16)),
      OpExample("DynamicQuantizeLinear", "").In(Ramp({2, 3})).Outputs(3),
  };
}

namespace {

using testing::ElementsAre;

TEST(QuantizeLinear, RoundsHalfToEvenAndSaturates) {
  EXPECT_THAT(FloatsOf(OpExample("QuantizeLinear", "")
                           .In(Floats({5}, {0.25f, 0.75f, -0.25f, 1e9f, -1e9f}))
                           .Const(Floats({}, {0.5f}))
                           .Const(Tensor::Of<int8_t>({}, {3}))),
              ElementsAre(3, 5, 3, 127, -128));
}

TEST(QuantizeLinear, ScalesAlongAnAxis) {
  EXPECT_THAT(FloatsOf(OpExample("QuantizeLinear", "")
                           .In(Floats({2, 2}, {1, 2, 3, 4}))
                           .Const(Floats({2}, {1, 0.5f}))
                           .Const(Tensor::Of<uint8_t>({2}, {0, 10}))
                           .Set("axis", int64_t{0})),
              ElementsAre(1, 2, 16, 18));
}

// Node `type` on x, a graph input unless `constant`, scaled along its axis.
Graph Scaled(const char* type, bool constant, std::vector<float> scales) {
  Graph graph;
  const bool integers = std::string_view(type) == "DequantizeLinear";
  const Tensor data =
      integers ? Tensor::Of<int8_t>({2}, {1, -128}) : Floats({2}, {1, 2});
  const ValueId x = constant
                        ? graph.AddConstant("x", data)
                        : graph.AddInput("x", data.dtype(), Shape::Of({2}));
  const auto count = static_cast<int64_t>(scales.size());
  const ValueId scale = graph.AddConstant("s", Floats({count}, scales));
  graph.AddOutput(graph.Emit(type, {x, scale}, "y", {{"axis", int64_t{0}}}));
  return graph;
}

TEST(DequantizeLinear, TakesNegativeAndZeroScalesOfWeightsAlone) {
  Graph weight = Scaled("DequantizeLinear", true, {-0.5f, 0.0f});
  InferShapes(weight);
  EXPECT_THAT(Interpret(weight, {})[0].ToFloats(), ElementsAre(-0.5f, 0.0f));
  Graph nan = Scaled("DequantizeLinear", true, {NAN, 1.0f});
  EXPECT_THROW(InferShapes(nan), Error);
  for (const char* type : {"DequantizeLinear", "QuantizeLinear"}) {
    for (const float scale : {-0.5f, 0.0f}) {
      Graph activation = Scaled(type, false, {1.0f, scale});
      EXPECT_THROW(InferShapes(activation), Error) << type << scale;
    }
  }
}

TEST(DequantizeLinear, RefusesScalesOfSeveralDimensionsWithoutBlocks) {
  Graph graph = Scaled("DequantizeLinear", true, {1, 2});
  const ValueId scale = graph.FindValue("s");
  graph.value(scale).constant = Floats({2, 1}, {1, 2});
  graph.value(scale).shape = Shape::Of({2, 1});
  EXPECT_THROW(InferShapes(graph), Error);
}

TEST(QuantizeLinear, BlocksMayEndUneven) {
  EXPECT_THAT(
      FloatsOf(OpExample("DequantizeLinear", "")
                   .In(Floats({1, 5}, {1, 2, 3, -4, 7}).CastTo(DType::kInt4))
                   .Const(Floats({1, 3}, {1, 10, 100}))
                   .Set("axis", int64_t{1})
                   .Set("block_size", int64_t{2})),
      ElementsAre(1, 2, 30, -40, 700));
}

TEST(QuantizeLinear, ScalesOfAnotherShapeAreAnError) {
  EXPECT_THROW(RunExample(OpExample("DequantizeLinear", "")
                              .In(Tensor::Of<uint8_t>({1, 2}, {1, 2}))
                              .Const(Floats({3}, {1, 1, 1}))),
               Error);
}

TEST(DequantizeLinear, BiasesAreInt32) {
  EXPECT_THAT(FloatsOf(OpExample("DequantizeLinear", "")
                           .In(Tensor::Of<int32_t>({2}, {1 << 20, -3}))
                           .Const(Floats({}, {0.5f}))),
              ElementsAre(524288, -1.5f));
}

// The example of the operator's definition.
TEST(DynamicQuantizeLinear, GivesScaleAndZeroPoint) {
  const std::vector<Tensor> y =
      RunExample(OpExample("DynamicQuantizeLinear", "")
                     .In(Floats({6}, {0, 2, -3, -2.5f, 1.34f, 0.5f}))
                     .Outputs(3));
  EXPECT_THAT(y[0].ToInts(), ElementsAre(153, 255, 0, 26, 221, 179));
  EXPECT_FLOAT_EQ(y[1].ToFloats()[0], 5.0f / 255.0f);
  EXPECT_EQ(y[2].ToInts()[0], 153);
}

TEST(DynamicQuantizeLinear, InfiniteRangesHaveZeroPointZero) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<Tensor> y =
      RunExample(OpExample("DynamicQuantizeLinear", "")
                     .In(Floats({2}, {-infinity, infinity}))
                     .Outputs(3));
  EXPECT_EQ(y[2].ToInts()[0], 0);
}

TEST(DynamicQuantizeLinear, AllZerosHaveScaleOne) {
  const std::vector<Tensor> y =
      RunExample(OpExample("DynamicQuantizeLinear", "")
                     .In(Floats({2}, {0, 0}))
                     .Outputs(3));
  EXPECT_EQ(y[1].ToFloats()[0], 1.0f);
  EXPECT_THAT(y[0].ToInts(), ElementsAre(0, 0));
}

}  // namespace
}  // namespace squint
