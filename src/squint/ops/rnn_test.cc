#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_rnn() {
  const auto plain = [](const char* what) {
    return OpExample("RNN", what)
        .In(Ramp({5, 3, 2}))
        .Const(Ramp({1, 4, 2}, -1, 1, 2))
        .Const(Ramp({1, 4, 4}, -1, 1, 3))
        .Set("hidden_size", int64_t{4});
  };
  return {
      plain("no bias").Outputs(2),
      plain("reverse, bias, lengths, state, clip")
          .Const(Ramp({1, 8}, -1, 1, 4))
          .Const(Tensor::Of<int32_t>({3}, {5, 1, 3}))
          .Const(Ramp({1, 3, 4}, -1, 1, 5))
          .Set("direction", std::string("reverse"))
          .Set("clip", 0.7f)
          .Outputs(2)
          .FixedSizes(),
      OpExample("RNN", "both directions")
          .In(Ramp({4, 2, 3}))
          .Const(Ramp({2, 2, 3}, -1, 1, 2))
          .Const(Ramp({2, 2, 2}, -1, 1, 3))
          .Set("direction", std::string("bidirectional"))
          .Set("activations", std::vector<std::string>{"Relu", "Affine"})
          .Set("hidden_size", int64_t{2})
          .Outputs(2)
          .FixedSizes(),
      OpExample("RNN", "batch first")
          .In(Ramp({3, 5, 2}))
          .Const(Ramp({1, 4, 2}, -1, 1, 2))
          .Const(Ramp({1, 4, 4}, -1, 1, 3))
          .Set("layout", int64_t{1})
          .Set("hidden_size", int64_t{4})
          .Outputs(2)
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;

// One hidden unit: h = f(2 x + 0.5 h + 1), two steps of one sample.
OpExample TwoSteps(const char* function, DType dtype = DType::kFloat32) {
  const auto number = [&](Dims dims, std::vector<float> values) {
    return Floats(std::move(dims), std::move(values)).CastTo(dtype);
  };
  return OpExample("RNN", "two steps")
      .In(number({2, 1, 1}, {1, -3}))
      .Const(number({1, 1, 1}, {2}))
      .Const(number({1, 1, 1}, {0.5f}))
      .Const(number({1, 2}, {0.25f, 0.75f}))
      .Set("activations", std::vector<std::string>{function})
      .Set("hidden_size", int64_t{1});
}

TEST(Rnn, FeedsItsStateBack) {
  // 2 + 0 + 1 = 3; -6 + 1.5 + 1 = -3.5.
  EXPECT_THAT(FloatsOf(TwoSteps("Affine")), ElementsAre(3, -3.5f));
  EXPECT_THAT(FloatsOf(TwoSteps("Relu")), ElementsAre(3, 0));
  const float first = std::tanh(3.0f);
  EXPECT_THAT(FloatsOf(TwoSteps("Tanh")),
              ElementsAre(FloatNear(first, 1e-6f),
                          FloatNear(std::tanh(0.5f * first - 5), 1e-6f)));
}

TEST(Rnn, ReadsReverseFromTheEnd) {
  // From the end: -6 + 1 = -5; then 2 - 2.5 + 1 = 0.5.
  EXPECT_THAT(
      FloatsOf(TwoSteps("Affine").Set("direction", std::string("reverse"))),
      ElementsAre(0.5f, -5));
}

TEST(Rnn, ComputesInEveryFloatingType) {
  for (const DType dtype :
       {DType::kFloat16, DType::kBfloat16, DType::kFloat64}) {
    const Tensor y = RunExample(TwoSteps("Affine", dtype))[0];
    EXPECT_EQ(y.dtype(), dtype);
    EXPECT_THAT(y.ToFloats(), ElementsAre(3, -3.5f));
  }
}

TEST(Rnn, WeightsOfAnotherGateCountAreAnError) {
  EXPECT_THROW(RunExample(OpExample("RNN", "")
                              .In(Ramp({2, 1, 1}))
                              .Const(Ramp({1, 4, 1}))
                              .Const(Ramp({1, 4, 1}))),
               Error);
}

}  // namespace
}  // namespace squint
