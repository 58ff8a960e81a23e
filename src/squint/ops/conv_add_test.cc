#include "squint/ops/conv_add.h"

#include <gtest/gtest.h>

#include "squint/ops/byte_examples.h"
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

template <typename T>
OpExample ConvAdd(const char* what, bool bias, bool conv_is_b) {
  const int lowest = std::is_signed_v<T> ? -128 : 0;
  OpExample example = OpExample("QLinearConvAdd", what, "squint")
                          .In(Bytes<T>({2, 5, 6, 8}))
                          .Const(Scale(0.02f))
                          .Const(Zero<T>(lowest + 117))
                          .Const(Bytes<int8_t>({4, 8, 3, 3}, 7))
                          .Const(Scale(0.01f))
                          .Const(Zero<int8_t>(0))
                          .Const(Scale(0.5f))
                          .Const(Zero<T>(lowest + 99));
  example = bias ? std::move(example).Const(
                       Tensor::Of<int32_t>({4}, {100, -2000, 30, 4}))
                 : std::move(example).Absent();
  example = std::move(example)
                .In(Bytes<T>({2, 5, 6, 4}, 3))
                .Const(Scale(0.3f))
                .Const(Zero<T>(lowest + 60))
                .Const(Scale(0.7f))
                .Const(Zero<T>(lowest + 80));
  return std::move(example)
      .Set("channels_last", int64_t{1})
      .Set("pads", std::vector<int64_t>{1, 1, 1, 1})
      .Set("conv_is_b", int64_t{conv_is_b});
}

}  // namespace

std::vector<OpExample> Examples_conv_add() {
  return {ConvAdd<uint8_t>("uint8", true, false),
          ConvAdd<uint8_t>("second operand, no bias", false, true),
          ConvAdd<int8_t>("int8", true, false)};
}

namespace {

TEST(QLinearConvAdd, IsTheTwoOperatorsOneAfterTheOther) {
  for (const OpExample& example : Examples_conv_add()) {
    CheckParts(example, InTwoParts(example, ConvOfConvAdd, AddOfConvAdd));
  }
}

}  // namespace
}  // namespace squint
