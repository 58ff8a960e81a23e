#include "squint/ops/conv_mean.h"

#include <gtest/gtest.h>

#include "squint/ops/byte_examples.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"
#include "squint/ops/prepared_example.h"

namespace squint {
namespace {

Tensor Scale(float value) { return Tensor::Scalar<float>(value); }
template <typename T>
Tensor Zero(int value) {
  return Tensor::Scalar<T>(static_cast<T>(value));
}

struct Kind {
  const char* what;
  bool bias;
  bool real;
  int64_t filters = 70;
  int64_t groups = 1;
  bool one_axis = false;
};

template <typename T>
OpExample ConvMean(const Kind& kind) {
  const int lowest = std::is_signed_v<T> ? -128 : 0;
  const int64_t channels = kind.groups == 1 ? 8 : kind.filters;
  const int64_t depth = channels / kind.groups;
  const int64_t f = kind.filters;
  OpExample example =
      OpExample("QLinearConvGlobalAveragePool", kind.what, "squint")
          .In(Bytes<T>(kind.one_axis ? Dims{2, 9, channels}
                                     : Dims{2, 5, 6, channels}))
          .Const(Scale(0.02f))
          .Const(Zero<T>(lowest + 117))
          .Const(Bytes<int8_t>(
              kind.one_axis ? Dims{f, depth, 3} : Dims{f, depth, 3, 3}, 7))
          .Const(Scale(0.01f))
          .Const(Zero<int8_t>(0))
          .Const(Scale(0.5f))
          .Const(Zero<T>(lowest + 99));
  example = kind.bias ? std::move(example).Const(
                            Ramp({f}, -3000, 3000).CastTo(DType::kInt32))
                      : std::move(example).Absent();
  if (!kind.real) {
    example = std::move(example).Const(Scale(0.1f)).Const(Zero<T>(lowest + 80));
  }
  const std::vector<int64_t> pads = {1, 1, 1, 1};
  return std::move(example)
      .Set("channels_last", int64_t{1})
      .Set("group", kind.groups)
      .Set("pads", kind.one_axis ? std::vector<int64_t>{1, 1} : pads);
}

}  // namespace

std::vector<OpExample> Examples_conv_mean() {
  return {
      ConvMean<uint8_t>({.what = "uint8", .bias = true, .real = false}),
      ConvMean<int8_t>({.what = "int8, no bias", .bias = false, .real = false}),
      ConvMean<uint8_t>({.what = "float", .bias = true, .real = true}),
      ConvMean<int8_t>({.what = "int8, float", .bias = false, .real = true}),
      ConvMean<uint8_t>({.what = "depthwise",
                         .bias = true,
                         .real = false,
                         .filters = 32,
                         .groups = 32}),
      ConvMean<uint8_t>({.what = "one axis",
                         .bias = true,
                         .real = true,
                         .filters = 9,
                         .one_axis = true}),
  };
}

namespace {

TEST(QLinearConvGlobalAveragePool, IsTheTwoOperatorsOneAfterTheOther) {
  for (const OpExample& example : Examples_conv_mean()) {
    SCOPED_TRACE(example.label());
    const Graph apart = InTwoParts(example, ConvOfConvMean, MeanOfConvMean);
    CheckParts(example, apart);
    const Tensor truth =
        Interpret(apart, InputsOf(example), {.reading = Reading::kInteger})[0];
    PreparedExample prepared(example, {truth});
    for (const int threads : {1, 2}) {
      const Tensor result = prepared.Run(threads)[0];
      EXPECT_EQ(std::memcmp(result.raw(), truth.raw(), truth.bytes()), 0);
    }
  }
}

TEST(QLinearConvGlobalAveragePool, NeedsBothParametersOfTheMeansOrNeither) {
  OpExample example =
      ConvMean<uint8_t>({.what = "", .bias = true, .real = true});
  example = std::move(example).Const(Scale(0.1f));
  EXPECT_THROW(RunExample(example), Error);
}

}  // namespace
}  // namespace squint
