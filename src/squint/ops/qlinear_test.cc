#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/byte_examples.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

Tensor Scale(float value) { return Tensor::Scalar<float>(value); }
Tensor U8(int value) {
  return Tensor::Scalar<uint8_t>(static_cast<uint8_t>(value));
}
Tensor S8(int value) {
  return Tensor::Scalar<int8_t>(static_cast<int8_t>(value));
}

OpExample QLinear(const char* type, const char* what) {
  return OpExample(type, what, kMicrosoft);
}

// x, its scale and zero point.
OpExample WithX(OpExample example, Tensor x, float scale, Tensor zero) {
  return std::move(example)
      .In(std::move(x))
      .Const(Scale(scale))
      .Const(std::move(zero));
}

OpExample Convolution(const char* domain, Dims x) {
  return WithX(OpExample("QLinearConv", domain, domain),
               Bytes<uint8_t>(std::move(x)), 0.02f, U8(117))
      .Const(Bytes<int8_t>({4, 2, 3, 3}, 7))
      .Const(Floats({4}, {0.01f, 0.02f, 0.005f, 0.03f}))
      .Const(Tensor::Of<int8_t>({4}, {0, 1, -2, 0}))
      .Const(Scale(0.5f))
      .Const(U8(99))
      .Const(Tensor::Of<int32_t>({4}, {100, -2000, 30, 4}))
      .Set("pads", std::vector<int64_t>{1, 1, 1, 1});
}

OpExample Product(const char* what, Tensor a_scale, Tensor a_zero,
                  Tensor b_scale, Tensor b_zero) {
  return OpExample("QLinearMatMul", what)
      .In(Bytes<uint8_t>({2, 3, 5}))
      .Const(std::move(a_scale))
      .Const(std::move(a_zero))
      .Const(Bytes<int8_t>({2, 5, 4}, 3))
      .Const(std::move(b_scale))
      .Const(std::move(b_zero))
      .Const(Scale(0.25f))
      .Const(U8(128))
      .FixedSizes();
}

OpExample Gemm(const char* what) {
  return WithX(QLinear("QGemm", what), Bytes<uint8_t>({3, 5}), 0.02f, U8(11))
      .Const(Bytes<int8_t>({4, 5}, 5))
      .Const(Floats({4}, {0.01f, 0.02f, 0.5f, 0.03f}))
      .Const(Tensor::Of<int8_t>({4}, {0, 0, 0, 0}))
      .Const(Tensor::Of<int32_t>({4}, {10, -2000, 30, 4}))
      .Set("transB", int64_t{1});
}

OpExample Binary(const char* type) {
  return WithX(QLinear(type, "broadcast"), Bytes<uint8_t>({2, 3}), 0.02f,
               U8(117))
      .Const(Bytes<uint8_t>({3}, 9))
      .Const(Scale(0.035f))
      .Absent()
      .Const(Scale(0.05f))
      .Const(U8(100));
}

OpExample Unary(const char* type, Tensor x, float y_scale, Tensor y_zero) {
  return WithX(QLinear(type, "int8"), std::move(x), 0.05f, S8(3))
      .Const(Scale(y_scale))
      .Const(std::move(y_zero));
}

OpExample Softmax(int64_t opset) {
  return Unary("QLinearSoftmax", Bytes<int8_t>({2, 3, 4}), 1.0f / 256, S8(-128))
      .Set("opset", opset)
      .Set("axis", int64_t{1});
}

}  // namespace

std::vector<OpExample> Examples_qlinear() {
  const Tensor image = Bytes<int8_t>({2, 3, 6, 6}, 4);
  const std::vector<int64_t> window = {3, 3};
  return {
      Convolution("", {1, 2, 5, 5}),
      Convolution(kMicrosoft, {1, 2, 5, 5}),
      Convolution(kMicrosoft, {1, 5, 5, 2}).Set("channels_last", int64_t{1}),
      Product("per tensor", Scale(0.02f), U8(3), Scale(0.01f), S8(0)),
      Product("per column", Scale(0.02f), U8(3),
              Floats({4}, {0.01f, 0.02f, 0.03f, 0.04f}),
              Tensor::Of<int8_t>({4}, {0, 1, 2, 3})),
      Product("per row and column of each matrix", Ramp({2, 3, 1}, 0.01f, 0.1f),
              Bytes<uint8_t>({2, 3, 1}), Ramp({2, 1, 4}, 0.01f, 0.1f),
              Bytes<int8_t>({2, 1, 4})),
      Gemm("quantized output").Const(Scale(2.0f)).Const(U8(100)),
      Gemm("float output"),
      Gemm("alpha").Const(Scale(2.0f)).Const(U8(100)).Set("alpha", 0.5f),
      Binary("QLinearAdd"),
      Binary("QLinearMul"),
      QLinear("QLinearConcat", "own and foreign parameters")
          .Const(Scale(0.05f))
          .Const(U8(100))
          .In(Bytes<uint8_t>({2, 3}))
          .Const(Scale(0.05f))
          .Const(U8(100))
          .In(Bytes<uint8_t>({2, 2}))
          .Const(Scale(0.1f))
          .Const(U8(17))
          .Set("axis", int64_t{1}),
      Unary("QLinearSigmoid", Bytes<int8_t>({2, 3}), 1.0f / 256, S8(-128)),
      Unary("QLinearLeakyRelu", Bytes<int8_t>({2, 3}), 0.05f, S8(3))
          .Set("alpha", 0.2f),
      Softmax(13),
      Softmax(11),
      Unary("QLinearAveragePool", image, 0.04f, S8(-7))
          .Set("kernel_shape", window),
      Unary("QLinearAveragePool", image, 0.04f, S8(-7))
          .Set("kernel_shape", window)
          .Set("channels_last", int64_t{1}),
      Unary("QLinearGlobalAveragePool", image, 0.04f, S8(-7)),
      Unary("QLinearGlobalAveragePool", image, 0.04f, S8(-7))
          .Set("channels_last", int64_t{1}),
      WithX(QLinear("QLinearWhere", "scalars and a row")
                .In(Tensor::Of<bool>({2, 3},
                                     {true, false, true, true, false, false})),
            Bytes<uint8_t>({2, 3}), 0.02f, U8(3))
          .Const(Bytes<uint8_t>({3}, 9))
          .Const(Scale(0.03f))
          .Const(U8(50))
          .Const(Scale(0.04f))
          .Const(U8(20)),
      QLinear("MatMulIntegerToFloat", "bias and columns")
          .In(Bytes<uint8_t>({2, 5}))
          .Const(Bytes<int8_t>({5, 3}, 3))
          .Const(Scale(0.02f))
          .Const(Floats({3}, {0.01f, 0.02f, 0.03f}))
          .Const(U8(101))
          .Absent()
          .Const(Floats({3}, {0.5f, -0.5f, 0.0f})),
      QLinear("MatMulIntegerToFloat", "no bias")
          .In(Bytes<uint8_t>({2, 5}))
          .Const(Bytes<int8_t>({5, 3}, 3))
          .Const(Scale(0.02f))
          .Const(Floats({3}, {0.01f, 0.02f, 0.03f}))
          .Const(U8(101)),
      QLinear("DynamicQuantizeMatMul", "bias and columns")
          .In(Ramp({2, 5}))
          .Const(Bytes<int8_t>({5, 3}, 3))
          .Const(Floats({3}, {0.01f, 0.02f, 0.03f}))
          .Const(Tensor::Of<int8_t>({3}, {0, 1, -1}))
          .Const(Floats({3}, {0.5f, -0.5f, 0.0f})),
  };
}

namespace {

using testing::ElementsAre;

std::vector<Tensor> Integers(const OpExample& example) {
  return Interpret(GraphOf(example), InputsOf(example),
                   {.reading = Reading::kInteger});
}

TEST(QLinear, BothReadingsAreWithinAStep) {
  for (const OpExample& example : Examples_qlinear()) {
    SCOPED_TRACE(example.label());
    const Tensor written = RunExample(example)[0];
    const Tensor integer = Integers(example)[0];
    ASSERT_EQ(written.dims(), integer.dims());
    ASSERT_EQ(written.dtype(), integer.dtype());
    const bool real = IsFloat(written.dtype());
    const std::vector<float> a = written.ToFloats();
    const std::vector<float> b = integer.ToFloats();
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_NEAR(a[i], b[i], real ? 1e-5 * (1 + std::fabs(a[i])) : 1.0)
          << "element " << i;
    }
  }
}

// The same node with the channels moved by hand.
TEST(QLinear, ChannelsLastIsTheSameOperatorOnAPermutedImage) {
  Graph graph = GraphOf(Convolution(kMicrosoft, {1, 2, 5, 5}));
  const Tensor x = Bytes<uint8_t>({1, 2, 5, 5});
  const Tensor first = Interpret(graph, {x})[0];
  graph.node(graph.order()[0]).Set("channels_last", int64_t{1});
  Tensor moved(DType::kUint8, {1, 5, 5, 2});
  for (int64_t i = 0; i < 50; ++i) {
    moved.mutable_data<uint8_t>()[i % 25 * 2 + i / 25] = x.data<uint8_t>()[i];
  }
  const Tensor last = Interpret(graph, {moved})[0];
  ASSERT_EQ(last.dims(), (Dims{1, 5, 5, 4}));
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(last.data<uint8_t>()[i % 25 * 4 + i / 25],
              first.data<uint8_t>()[i]);
  }
}

// One product by hand: acc = 3 * 2 + bias, times (0.5 * 0.25) / 0.125.
TEST(QLinearConv, MultipliesTheSumByOneFloat) {
  const OpExample example =
      WithX(OpExample("QLinearConv", "one tap"),
            Tensor::Of<uint8_t>({1, 1, 1}, {13}), 0.5f, U8(10))
          .Const(Tensor::Of<int8_t>({1, 1, 1}, {2}))
          .Const(Scale(0.25f))
          .Const(S8(0))
          .Const(Scale(0.125f))
          .Const(U8(7))
          .Const(Tensor::Of<int32_t>({1}, {5}));
  EXPECT_THAT(Integers(example)[0].ToInts(), ElementsAre(6 + 5 + 7));
  EXPECT_THAT(RunExample(example)[0].ToInts(), ElementsAre(6 + 5 + 7));
}

// Stored integers in a quantized Conv give what the QLinearConv gives.
TEST(QLinearConv, IsTheIntegerReadingOfAQuantizedConv) {
  const OpExample example = Convolution("", {1, 2, 5, 5});
  Graph graph;
  const auto quantized = [&](ValueId id, const Tensor& data, size_t at,
                             std::optional<int> axis) {
    Value& value = graph.value(id);
    value.dtype = DType::kFloat32;
    value.quant = OperandParams(data, &example.inputs[at].value,
                                &example.inputs[at + 1].value, axis);
    return id;
  };
  const Tensor& x = example.inputs[0].value;
  const Tensor& w = example.inputs[3].value;
  Node conv;
  conv.op_type = "Conv";
  conv.attributes = example.attributes;
  conv.inputs = {quantized(graph.AddInput("x", DType::kFloat32, {}), x, 1, {}),
                 quantized(graph.AddConstant("w", w), w, 4, 0),
                 graph.AddConstant("b", example.inputs[8].value)};
  Value& bias = graph.value(conv.inputs[2]);
  bias.dtype = DType::kFloat32;
  bias.quant = BiasParams(*graph.value(conv.inputs[0]).quant,
                          *graph.value(conv.inputs[1]).quant, 1.0f, 0);
  conv.outputs = {quantized(graph.AddValue("y"), U8(0), 6, {})};
  graph.AddOutput(conv.outputs[0]);
  graph.AddNode(conv);
  const Tensor real = DequantizeTensor(x, *graph.value(conv.inputs[0]).quant);
  for (const Reading reading : {Reading::kInteger, Reading::kAsWritten}) {
    const Tensor expected =
        QuantizeTensor(Interpret(graph, {real}, {.reading = reading})[0],
                       *graph.value(conv.outputs[0]).quant);
    const Tensor got =
        Interpret(GraphOf(example), {x}, {.reading = reading})[0];
    EXPECT_EQ(got.ToInts(), expected.ToInts());
  }
}

TEST(QLinearMatMul, ScalesRowsAndColumnsOfEachMatrix) {
  const auto one = Floats({1, 1, 1}, {1.0f});
  const OpExample example = OpExample("QLinearMatMul", "")
                                .In(Tensor::Of<uint8_t>({1, 2, 1}, {3, 4}))
                                .Const(Floats({1, 2, 1}, {1.0f, 2.0f}))
                                .Const(Tensor::Of<uint8_t>({1, 2, 1}, {1, 2}))
                                .Const(Tensor::Of<uint8_t>({1, 1, 2}, {5, 6}))
                                .Const(Floats({1, 1, 2}, {1.0f, 0.5f}))
                                .Const(Tensor::Of<uint8_t>({1, 1, 2}, {0, 4}))
                                .Const(Scale(1.0f))
                                .Const(U8(0));
  // (3-1)*1 and (4-2)*2 times 5*1 and (6-4)*0.5.
  EXPECT_THAT(RunExample(example)[0].ToInts(), ElementsAre(10, 2, 20, 4));
}

TEST(QLinearConcat, CopiesWhatHasTheResultsParameters) {
  const OpExample example = QLinear("QLinearConcat", "")
                                .Const(Scale(0.5f))
                                .Const(U8(10))
                                .In(Tensor::Of<uint8_t>({2}, {0, 255}))
                                .Const(Scale(0.5f))
                                .Const(U8(10))
                                .In(Tensor::Of<uint8_t>({2}, {21, 255}))
                                .Const(Scale(0.25f))
                                .Const(U8(20))
                                .Set("axis", int64_t{0});
  // (21-20)*0.25 = half a step, to even; (255-20)*0.25/0.5 = 117.5.
  EXPECT_THAT(Integers(example)[0].ToInts(), ElementsAre(0, 255, 10, 128));
}

TEST(QLinearSoftmax, BeforeOpset13TakesAllLaterAxesAsOneRow) {
  const auto total = [](const Tensor& y) {
    double sum = 0;
    for (const int64_t q : y.ToInts()) sum += static_cast<double>(q) + 128.0;
    return sum / 256.0;
  };
  EXPECT_NEAR(total(RunExample(Softmax(11))[0]), 2.0, 0.05);
  EXPECT_NEAR(total(RunExample(Softmax(13))[0]), 8.0, 0.1);
}

TEST(DynamicQuantizeMatMul, RoundsTheLeftOperandByItsOwnRange) {
  const OpExample example = QLinear("DynamicQuantizeMatMul", "")
                                .In(Floats({1, 2}, {-25.5f, 229.5f}))
                                .Const(Tensor::Of<int8_t>({2, 1}, {1, 2}))
                                .Const(Scale(0.5f));
  // Scale 1, zero point 26 (25.5 rounds to even): -25.5 -> 0, 229.5 -> 255.
  EXPECT_THAT(RunExample(example)[0].ToFloats(),
              ElementsAre(0.5f * (-26.0f + 2.0f * 229.0f)));
}

TEST(OperandParams, RefusesScalesThatDoNotFit) {
  const Tensor data = Bytes<uint8_t>({2, 3});
  const Tensor two = Floats({2}, {1, 2});
  const Tensor zero = U8(1);
  EXPECT_THROW(OperandParams(data, &two, nullptr, {}), Error);
  EXPECT_THROW(OperandParams(data, &two, nullptr, -1), Error);
  EXPECT_EQ(OperandParams(data, &two, &zero, -2).axis, 0);
  EXPECT_EQ(OperandParams(data, &two, &zero, -2).zero_point_at(1), 1);
  const Tensor other = S8(1);
  EXPECT_THROW(OperandParams(data, nullptr, &other, {}), Error);
}

TEST(QLinearForm, PermutesChannels) {
  EXPECT_THAT(ChannelsFirst(4), ElementsAre(0, 3, 1, 2));
  EXPECT_THAT(ChannelsLast(4), ElementsAre(0, 2, 3, 1));
}

}  // namespace
}  // namespace squint
