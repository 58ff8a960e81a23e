#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

using List = std::vector<int64_t>;

std::vector<OpExample> Examples_pool() {
  return {
      OpExample("MaxPool", "3x3, strided, padded")
          .In(Ramp({2, 3, 7, 8}))
          .Set("kernel_shape", List{3, 3})
          .Set("strides", List{2, 2})
          .Set("pads", List{1, 1, 1, 1}),
      OpExample("MaxPool", "indices, ceil_mode, dilated")
          .In(Ramp({1, 2, 8, 7}))
          .Set("kernel_shape", List{2, 2})
          .Set("strides", List{2, 2})
          .Set("dilations", List{2, 1})
          .Set("ceil_mode", int64_t{1})
          .Outputs(2),
      OpExample("MaxPool", "a stride beyond the window")
          .In(Ramp({2, 1, 8, 6}))
          .Set("kernel_shape", List{1, 1})
          .Set("strides", List{2, 3})
          .Set("auto_pad", std::string("SAME_UPPER")),
      OpExample("MaxPool", "one spatial axis, SAME_UPPER")
          .In(Ramp({2, 2, 6}))
          .Set("kernel_shape", List{3})
          .Set("auto_pad", std::string("SAME_UPPER")),
      OpExample("AveragePool", "pads do not count")
          .In(Ramp({2, 3, 6, 5}))
          .Set("kernel_shape", List{3, 3})
          .Set("pads", List{1, 1, 1, 1}),
      OpExample("AveragePool", "pads count, ceil_mode")
          .In(Ramp({1, 2, 6, 8}))
          .Set("kernel_shape", List{3, 2})
          .Set("strides", List{2, 3})
          .Set("pads", List{1, 0, 0, 1})
          .Set("count_include_pad", int64_t{1})
          .Set("ceil_mode", int64_t{1}),
      OpExample("AveragePool", "three axes, dilated")
          .In(Ramp({1, 2, 5, 4, 3}))
          .Set("kernel_shape", List{2, 2, 2})
          .Set("dilations", List{2, 1, 2}),
      OpExample("GlobalAveragePool", "image").In(Ramp({2, 3, 5, 4})),
      OpExample("GlobalAveragePool", "line").In(Ramp({2, 3, 7}, 0, 4)),
      OpExample("GlobalLpPool", "image").In(Ramp({2, 3, 5, 4})),
      OpExample("LpPool", "padded, strided")
          .In(Ramp({2, 3, 6, 5}))
          .Set("kernel_shape", List{3, 2})
          .Set("strides", List{2, 1})
          .Set("pads", List{1, 0, 1, 1}),
      OpExample("LpPool", "L1, dilated, ceil_mode")
          .In(Ramp({1, 2, 8}))
          .Set("kernel_shape", List{2})
          .Set("dilations", List{2})
          .Set("strides", List{3})
          .Set("ceil_mode", int64_t{1})
          .Set("p", int64_t{1}),
      OpExample("GlobalMaxPool", "image").In(Ramp({2, 3, 5, 4})),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

OpExample Line(const char* type, std::vector<float> values, int64_t kernel) {
  const auto size = static_cast<int64_t>(values.size());
  return OpExample(type, "line")
      .In(Floats({1, 1, size}, std::move(values)))
      .Set("kernel_shape", List{kernel});
}

TEST(MaxPool, TakesTheLargestOfEachWindow) {
  EXPECT_THAT(FloatsOf(Line("MaxPool", {1, 5, 2, 4}, 2)), ElementsAre(5, 5, 4));
}

TEST(MaxPool, PaddingNeverWins) {
  EXPECT_THAT(FloatsOf(Line("MaxPool", {-1, -5}, 3).Set("pads", List{1, 1})),
              ElementsAre(-1, -1));
}

TEST(MaxPool, ReportsTheFirstOfEqualWinners) {
  const std::vector<Tensor> outputs =
      RunExample(Line("MaxPool", {3, 3, 1, 3}, 2).Outputs(2));
  EXPECT_THAT(outputs[1].ToInts(), ElementsAre(0, 1, 3));
}

TEST(MaxPool, CountsIndicesThroughPlanesAndByColumns) {
  const auto example = [](int64_t order) {
    return OpExample("MaxPool", "order")
        .In(Floats({1, 2, 2, 3}, {0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 9, 0}))
        .Set("kernel_shape", List{2, 3})
        .Set("storage_order", order)
        .Outputs(2);
  };
  EXPECT_THAT(RunExample(example(0))[1].ToInts(), ElementsAre(2, 10));
  EXPECT_THAT(RunExample(example(1))[1].ToInts(), ElementsAre(4, 9));
}

TEST(MaxPool, CeilModeAddsAWindowOnlyWhereItStartsInside) {
  EXPECT_THAT(FloatsOf(Line("MaxPool", {1, 2, 3, 4, 5}, 2)
                           .Set("strides", List{2})
                           .Set("ceil_mode", int64_t{1})),
              ElementsAre(2, 4, 5));
  // Position 4 would lie in the padding at the end.
  EXPECT_THAT(FloatsOf(Line("MaxPool", {1, 2, 3, 4}, 1)
                           .Set("strides", List{4})
                           .Set("pads", List{0, 0})
                           .Set("ceil_mode", int64_t{1})),
              ElementsAre(1));
  EXPECT_THAT(FloatsOf(Line("MaxPool", {1, 2, 3}, 2)
                           .Set("strides", List{3})
                           .Set("pads", List{1, 1})
                           .Set("ceil_mode", int64_t{1})),
              ElementsAre(1, 3));
}

TEST(MaxPool, SameWithALongStrideSkipsOnBothSides) {
  EXPECT_THAT(FloatsOf(Line("MaxPool", {1, 2, 3, 4, 5, 6, 7}, 1)
                           .Set("strides", List{4})
                           .Set("auto_pad", std::string("SAME_UPPER"))),
              ElementsAre(2, 6));
  const auto every_second = [](const char* pad) {
    return FloatsOf(Line("MaxPool", {1, 2, 3, 4}, 1)
                        .Set("strides", List{2})
                        .Set("auto_pad", std::string(pad)));
  };
  EXPECT_THAT(every_second("SAME_UPPER"), ElementsAre(2, 4));
  EXPECT_THAT(every_second("SAME_LOWER"), ElementsAre(1, 3));
}

TEST(MaxPool, WorksOnIntegers) {
  const Tensor y =
      RunExample(OpExample("MaxPool", "uint8")
                     .In(Tensor::Of<uint8_t>({1, 1, 3}, {200, 100, 201}))
                     .Set("kernel_shape", List{2}))[0];
  EXPECT_EQ(y.dtype(), DType::kUint8);
  EXPECT_THAT(y.ToInts(), ElementsAre(200, 201));
}

TEST(MaxPool, KeepsNarrowFloats) {
  const Tensor y =
      RunExample(OpExample("MaxPool", "float16")
                     .In(Floats({1, 1, 3}, {1, 2, 3}).CastTo(DType::kFloat16))
                     .Set("kernel_shape", List{2}))[0];
  EXPECT_EQ(y.dtype(), DType::kFloat16);
  EXPECT_THAT(y.ToFloats(), ElementsAre(2, 3));
}

TEST(AveragePool, DividesByWhatCounts) {
  EXPECT_THAT(
      FloatsOf(Line("AveragePool", {2, 4, 6}, 3).Set("pads", List{1, 1})),
      ElementsAre(3, 4, 5));
  EXPECT_THAT(FloatsOf(Line("AveragePool", {2, 4, 6}, 3)
                           .Set("pads", List{1, 1})
                           .Set("count_include_pad", int64_t{1})),
              ElementsAre(2, 4, 10.0f / 3.0f));
}

TEST(AveragePool, WhatCeilModeAddsBeyondThePaddingNeverCounts) {
  for (const int64_t include : {0, 1}) {
    EXPECT_THAT(FloatsOf(Line("AveragePool", {2, 4, 6}, 2)
                             .Set("strides", List{2})
                             .Set("ceil_mode", int64_t{1})
                             .Set("count_include_pad", include)),
                ElementsAre(3, 6));
  }
}

TEST(Pool, RejectsAKernelOfAnotherRank) {
  Graph graph = GraphOf(OpExample("MaxPool", "rank")
                            .In(Ramp({1, 1, 4}))
                            .Set("kernel_shape", List{2, 2}));
  EXPECT_THROW(InferShapes(graph), Error);
  graph = GraphOf(OpExample("MaxPool", "no kernel").In(Ramp({1, 1, 4})));
  try {
    InferShapes(graph);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("kernel_shape is missing"));
  }
}

TEST(GlobalPool, ReducesEverySpatialAxis) {
  const Tensor x = Floats({1, 2, 2, 2}, {1, 2, 3, 6, -1, -2, -3, -2});
  EXPECT_THAT(FloatsOf(OpExample("GlobalAveragePool", "").In(x)),
              ElementsAre(3, -2));
  EXPECT_THAT(FloatsOf(OpExample("GlobalMaxPool", "").In(x)),
              ElementsAre(6, -1));
}

TEST(GlobalAveragePoolInteger, RoundsTheMeanOnce) {
  Graph graph = GraphOf(
      OpExample("GlobalAveragePool", "").In(Floats({1, 1, 4}, {0, 0, 0, 0})));
  graph.value(graph.inputs()[0]).quant = PerTensor(DType::kUint8, 1.0f, 100);
  graph.value(graph.outputs()[0]).quant = PerTensor(DType::kUint8, 1.0f, 0);
  const auto run = [&](std::vector<float> x) {
    return Interpret(graph, {Floats({1, 1, 4}, std::move(x))},
                     {.reading = Reading::kInteger, .tap = {}})[0]
        .ToFloats();
  };
  EXPECT_THAT(run({1, 2, 3, 4}), ElementsAre(2));  // 2.5, half to even
  EXPECT_THAT(run({1, 2, 3, 5}), ElementsAre(3));
  EXPECT_THAT(run({-100, -100, -100, 155}), ElementsAre(0));
}

TEST(PoolInteger, TakesTheLargestOfFourBits) {
  Graph graph = GraphOf(
      OpExample("GlobalMaxPool", "").In(Floats({1, 1, 4}, {0, 0, 0, 0})));
  graph.value(graph.inputs()[0]).quant = PerTensor(DType::kUint4, 0.5f, 2);
  graph.value(graph.outputs()[0]).quant = PerTensor(DType::kUint4, 0.5f, 2);
  const auto y = Interpret(graph, {Floats({1, 1, 4}, {1, 2.5f, -1, 2})},
                           {.reading = Reading::kInteger, .tap = {}});
  EXPECT_THAT(y[0].ToFloats(), ElementsAre(2.5f));
}

// What ONNX Runtime 1.32 computes with QLinearGlobalAveragePool and
// QLinearAveragePool on the same integers.
TEST(PoolInteger, EqualsOnnxRuntime) {
  EXPECT_THAT(IntegersOf(Examples_pool()[7], DType::kUint8),
              ElementsAre(47, 122, 255, 57, 96, 0));
  std::vector<int64_t> average = IntegersOf(Examples_pool()[4], DType::kUint8);
  average.resize(30);
  EXPECT_THAT(average,
              ElementsAre(105, 138, 162, 107, 58, 142, 131, 140, 108, 107, 159,
                          143, 138, 142, 156, 166, 122, 99, 100, 133, 200, 179,
                          121, 117, 107, 217, 191, 125, 136, 134));
}

TEST(LpPool, IsTheNormOfEachWindow) {
  EXPECT_THAT(FloatsOf(Line("LpPool", {3, -4, 0, -12}, 2)),
              ElementsAre(5, 4, 12));
  EXPECT_THAT(FloatsOf(Line("LpPool", {3, -4, 0, -12}, 2).Set("p", int64_t{1})),
              ElementsAre(7, 4, 12));
  EXPECT_THAT(
      FloatsOf(
          OpExample("GlobalLpPool", "").In(Floats({1, 2, 2}, {3, -4, 5, 12}))),
      ElementsAre(5, 13));
}

TEST(LpPool, NeedsAPositiveOrder) {
  EXPECT_THROW(FloatsOf(Line("LpPool", {1, 2}, 2).Set("p", int64_t{0})), Error);
  EXPECT_THROW(FloatsOf(OpExample("GlobalLpPool", "")
                            .In(Ramp({1, 1, 2}))
                            .Set("p", int64_t{-1})),
               Error);
}

}  // namespace
}  // namespace squint
