#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

using List = std::vector<int64_t>;

std::vector<OpExample> Examples_conv() {
  return {
      OpExample("Conv", "3x3, strided, padded, bias")
          .In(Ramp({2, 3, 7, 6}))
          .Const(Ramp({4, 3, 3, 3}, -0.5f, 0.5f, 2))
          .Const(Ramp({4}, -1, 1, 3))
          .Set("strides", List{2, 1})
          .Set("pads", List{1, 0, 1, 2}),
      OpExample("Conv", "pointwise")
          .In(Ramp({1, 8, 5, 5}, 0, 6))
          .Const(Ramp({5, 8, 1, 1}, -0.5f, 0.5f, 2)),
      OpExample("Conv", "depthwise, dilated")
          .In(Ramp({1, 4, 9, 9}))
          .Const(Ramp({8, 1, 3, 3}, -1, 1, 2))
          .Const(Ramp({8}))
          .Set("group", int64_t{4})
          .Set("dilations", List{2, 3}),
      OpExample("Conv", "groups of two, SAME_LOWER")
          .In(Ramp({2, 4, 5, 6}))
          .Const(Ramp({6, 2, 2, 3}, -1, 1, 2))
          .Set("group", int64_t{2})
          .Set("strides", List{2, 2})
          .Set("auto_pad", std::string("SAME_LOWER")),
      OpExample("Conv", "one spatial axis")
          .In(Ramp({2, 2, 11}))
          .Const(Ramp({3, 2, 4}, -1, 1, 2))
          .Set("pads", List{3, 0}),
      OpExample("Conv", "three spatial axes")
          .In(Ramp({1, 2, 4, 3, 5}))
          .Const(Ramp({2, 2, 2, 3, 2}, -1, 1, 2))
          .Set("pads", List{0, 1, 1, 1, 1, 0}),
      OpExample("Conv", "weight computed at run time")
          .In(Ramp({1, 2, 4, 4}))
          .In(Ramp({1, 2, 3, 3}))
          .FixedSizes(),
      OpExample("ConvInteger", "no zero points")
          .In(Tensor::Of<uint8_t>({1, 1, 2, 2}, {1, 2, 3, 255}))
          .Const(Tensor::Of<int8_t>({2, 1, 1, 1}, {3, -128})),
      OpExample("ConvInteger", "zero points per channel, padded")
          .In(Tensor::Of<uint8_t>({1, 1, 2, 2}, {1, 2, 3, 255}))
          .Const(Tensor::Of<uint8_t>({2, 1, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}))
          .Const(Tensor::Scalar<uint8_t>(2))
          .Const(Tensor::Of<uint8_t>({2}, {1, 5}))
          .Set("pads", List{1, 0, 0, 0}),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Tensor Counting(Dims dims) {
  Tensor tensor(DType::kFloat32, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = static_cast<float>(i);
  }
  return tensor;
}

OpExample Box(int64_t size, Dims input) {
  return OpExample("Conv", "box")
      .In(Counting(std::move(input)))
      .Const(Floats({1, 1, size, size},
                    std::vector<float>(static_cast<size_t>(size * size), 1)));
}

TEST(Conv, SumsEachWindow) {
  EXPECT_THAT(FloatsOf(Box(2, {1, 1, 3, 3})), ElementsAre(8, 12, 20, 24));
}

TEST(Conv, PadsWithZeros) {
  EXPECT_THAT(FloatsOf(Box(3, {1, 1, 2, 2}).Set("pads", List{1, 1, 1, 1})),
              ElementsAre(6, 6, 6, 6));
}

TEST(Conv, SameUpperPutsTheOddPadAtTheEnd) {
  EXPECT_THAT(
      FloatsOf(Box(2, {1, 1, 2, 2}).Set("auto_pad", std::string("SAME_UPPER"))),
      ElementsAre(6, 4, 5, 3));
}

TEST(Conv, SameLowerPutsTheOddPadAtTheStart) {
  EXPECT_THAT(
      FloatsOf(Box(2, {1, 1, 2, 2}).Set("auto_pad", std::string("SAME_LOWER"))),
      ElementsAre(0, 1, 2, 6));
}

TEST(Conv, DilationSkipsPositions) {
  EXPECT_THAT(FloatsOf(Box(2, {1, 1, 3, 3}).Set("dilations", List{2, 2})),
              ElementsAre(16));
}

TEST(Conv, ATapMayLieWhollyInThePadding) {
  EXPECT_THAT(FloatsOf(Box(3, {1, 1, 1, 1})
                           .Set("pads", List{2, 2, 2, 2})
                           .Set("dilations", List{2, 2})),
              ElementsAre(0));
}

TEST(Conv, GroupsSeeOnlyTheirChannels) {
  const OpExample example = OpExample("Conv", "two groups")
                                .In(Floats({1, 2, 1}, {2, 3}))
                                .Const(Floats({4, 1, 1}, {1, 10, 100, 1000}))
                                .Const(Floats({4}, {0, 1, 2, 3}))
                                .Set("group", int64_t{2});
  EXPECT_THAT(FloatsOf(example), ElementsAre(2, 21, 302, 3003));
}

TEST(Conv, SymbolicSizesStayExpressions) {
  Graph graph;
  const ValueId x = graph.AddInput(
      "x", DType::kFloat32,
      Shape({Dim::Symbol("n"), 3, Dim::Symbol("h"), Dim::Symbol("w")}));
  const ValueId w = graph.AddConstant("w", Ramp({8, 3, 3, 3}));
  const ValueId y =
      graph.Emit("Conv", {x, w}, "y", {{"pads", List{1, 1, 1, 1}}});
  InferShapes(graph);
  EXPECT_EQ(graph.value(y).shape.ToString(), "[n,8,h,w]");
}

void ExpectRejected(const OpExample& example, const std::string& words) {
  Graph graph = GraphOf(example);
  try {
    InferShapes(graph);
    ADD_FAILURE() << "accepted: " << example.label();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    EXPECT_THAT(error.message(), HasSubstr(words));
  }
}

TEST(Conv, RejectsWhatDoesNotFit) {
  ExpectRejected(Box(3, {1, 1, 2, 2}), "does not fit");
  ExpectRejected(Box(2, {1, 3, 4, 4}), "expects 1 input channels, got 3");
  ExpectRejected(Box(2, {1, 1, 4, 4}).Set("group", int64_t{0}), "group=0");
  ExpectRejected(Box(2, {1, 1, 4, 4}).Set("strides", List{0, 1}), "strides");
  ExpectRejected(Box(2, {1, 1, 4, 4}).Set("pads", List{1, 1}), "pads has 2");
  ExpectRejected(Box(2, {1, 1, 4, 4}).Set("auto_pad", std::string("SAME")),
                 "auto_pad is 'SAME'");
  ExpectRejected(Box(2, {1, 1, 4, 4}).Const(Floats({2}, {1, 2})),
                 "the bias is [2]");
  ExpectRejected(OpExample("Conv", "no channels")
                     .In(Ramp({1, 0, 4, 4}))
                     .Const(Ramp({2, 0, 3, 3})),
                 "no input channels");
}

TEST(Conv, AnEmptyBatchGivesAnEmptyResult) {
  const Tensor y = RunExample(Box(2, {0, 1, 3, 3}))[0];
  EXPECT_THAT(y.dims(), ElementsAre(0, 1, 2, 2));
}

// x = 0.5 (q - 128), w = 0.25 q per channel, y = 1.0 (q - 10).
struct QuantizedConv {
  explicit QuantizedConv(Tensor weight, QuantParams w, Tensor bias) {
    const ValueId x =
        graph.AddInput("x", DType::kFloat32, Shape::Of({1, 1, 2}));
    graph.value(x).quant = PerTensor(DType::kUint8, 0.5f, 128);
    const ValueId k = graph.AddConstant("w", std::move(weight));
    graph.value(k).dtype = DType::kFloat32;
    graph.value(k).quant = std::move(w);
    const ValueId b = graph.AddConstant("b", std::move(bias));
    const ValueId y = graph.Emit("Conv", {x, k, b}, "y");
    graph.value(y).quant = PerTensor(DType::kUint8, 1.0f, 10);
    graph.AddOutput(y);
  }
  std::vector<float> Run(std::vector<float> x) const {
    return Interpret(graph, {Floats({1, 1, 2}, std::move(x))},
                     {.reading = Reading::kInteger})[0]
        .ToFloats();
  }
  Graph graph;
};

TEST(ConvInteger, RoundsHalfToEvenAndSaturates) {
  const std::array<float, 2> scales = {0.25f, 2.0f};
  const QuantizedConv conv(Tensor::Of<int8_t>({2, 1, 1}, {4, 127}),
                           PerChannel(DType::kInt8, 0, scales),
                           Floats({2}, {0, 0}));
  // Channel 0 multiplies by 1: 0.5 and 1.5 are ties, rounded to 0 and 2.
  // Channel 1 multiplies by 254: clamped to 255 - 10 at the top.
  EXPECT_THAT(conv.Run({0.5f, 1.5f}), ElementsAre(0, 2, 127, 245));
  EXPECT_THAT(conv.Run({-64, -1}), ElementsAre(-10, -1, -10, -10));
}

TEST(ConvInteger, TakesAFloatBiasInStepsOfTheSums) {
  const std::array<float, 2> scales = {0.25f, 0.25f};
  // Bias step 0.125: 1.06 becomes 8 steps = 1.0.
  const QuantizedConv conv(Tensor::Of<int8_t>({2, 1, 1}, {4, -4}),
                           PerChannel(DType::kInt8, 0, scales),
                           Floats({2}, {1.06f, 1.06f}));
  EXPECT_THAT(conv.Run({2, 3}), ElementsAre(3, 4, -1, -2));
}

TEST(ConvInteger, SubtractsTheWeightsZeroPoint) {
  const std::array<float, 2> scales = {0.5f, 0.5f};
  const std::array<int32_t, 2> zeros = {100, 0};
  const QuantizedConv conv(Tensor::Of<uint8_t>({2, 1, 1}, {98, 2}),
                           PerChannel(DType::kUint8, 0, scales, zeros),
                           Floats({2}, {0, 0}));
  EXPECT_THAT(conv.Run({2, 3}), ElementsAre(-2, -3, 2, 3));
}

// What ONNX Runtime 1.32 computes with QLinearConv on the same integers.
TEST(ConvInteger, EqualsOnnxRuntime) {
  std::vector<int64_t> line = IntegersOf(Examples_conv()[4], DType::kUint8);
  line.resize(33);
  EXPECT_THAT(
      line, ElementsAre(138, 167, 126, 234, 96, 65, 116, 193, 144, 221, 174,
                        109, 254, 100, 136, 146, 205, 149, 192, 196, 91, 143,
                        151, 134, 213, 117, 164, 150, 162, 120, 185, 136, 125));
}

TEST(ConvInteger, SumsIntoInt32) {
  const auto& examples = Examples_conv();
  EXPECT_THAT(RunExample(examples[examples.size() - 2])[0].ToInts(),
              testing::ElementsAre(3, 6, 9, 765, -128, -256, -384, -32640));
}

// Padding is zero_point, that is a real zero: rows of x - 2 are (pad, pad),
// (-1, 0), (1, 253); w - zero: 0 1 2 3 and 0 1 2 3.
TEST(ConvInteger, PadsWithTheZeroPoint) {
  EXPECT_THAT(RunExample(Examples_conv().back())[0].ToInts(),
              testing::ElementsAre(-2, 2 + 759, -2, 2 + 759));
}

}  // namespace
}  // namespace squint
