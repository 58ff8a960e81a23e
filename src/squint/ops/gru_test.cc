#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_gru() {
  const auto plain = [](const char* what) {
    return OpExample("GRU", what)
        .In(Ramp({5, 3, 2}))
        .Const(Ramp({1, 12, 2}, -1, 1, 2))
        .Const(Ramp({1, 12, 4}, -1, 1, 3))
        .Const(Ramp({1, 24}, -1, 1, 4))
        .Set("hidden_size", int64_t{4});
  };
  return {
      plain("bias").Outputs(2),
      plain("linear before reset")
          .Set("linear_before_reset", int64_t{1})
          .Outputs(2),
      plain("reverse, lengths, state, clip")
          .Const(Tensor::Of<int32_t>({3}, {5, 1, 3}))
          .Const(Ramp({1, 3, 4}, -1, 1, 5))
          .Set("direction", std::string("reverse"))
          .Set("clip", 0.7f)
          .Outputs(2)
          .FixedSizes(),
      OpExample("GRU", "both directions")
          .In(Ramp({4, 2, 3}))
          .Const(Ramp({2, 6, 3}, -1, 1, 2))
          .Const(Ramp({2, 6, 2}, -1, 1, 3))
          .Absent()
          .Const(Tensor::Of<int32_t>({2}, {2, 4}))
          .Set("direction", std::string("bidirectional"))
          .Set("linear_before_reset", int64_t{1})
          .Set("hidden_size", int64_t{2})
          .Outputs(2)
          .FixedSizes(),
      OpExample("GRU", "batch first")
          .In(Ramp({3, 5, 2}))
          .Const(Ramp({1, 12, 2}, -1, 1, 2))
          .Const(Ramp({1, 12, 4}, -1, 1, 3))
          .Set("layout", int64_t{1})
          .Set("hidden_size", int64_t{4})
          .Outputs(2)
          .FixedSizes(),
  };
}

namespace {

// One hidden unit, h starts at 1, all of W zero, the state weights R as
// given, the input biases zero but for the gates.
std::vector<float> OneStep(bool linear_before_reset, float state_bias) {
  return FloatsOf(
      OpExample("GRU", "one step")
          .In(Floats({1, 1, 1}, {3}))
          .Const(Floats({1, 3, 1}, {0, 0, 0}))
          .Const(Floats({1, 3, 1}, {0, 0, 2}))
          .Const(Floats({1, 6}, {0, 0, 0, 0, 0, state_bias}))
          .Absent()
          .Const(Floats({1, 1, 1}, {1}))
          .Set("hidden_size", int64_t{1})
          .Set("linear_before_reset", int64_t{linear_before_reset ? 1 : 0}));
}

TEST(GRU, MixesTheOldStateWithTheFreshOne) {
  // z = r = 1/2; fresh = tanh(1/2 * 1 * 2) = tanh(1).
  EXPECT_FLOAT_EQ(OneStep(false, 0)[0],
                  static_cast<float>(0.5 * std::tanh(1.0) + 0.5));
}

TEST(GRU, TheResetGateCoversTheStateBiasOnlyWhenLinearBeforeReset) {
  EXPECT_FLOAT_EQ(OneStep(false, 1)[0],
                  static_cast<float>(0.5 * std::tanh(2.0) + 0.5));
  EXPECT_FLOAT_EQ(OneStep(true, 1)[0],
                  static_cast<float>(0.5 * std::tanh(1.5) + 0.5));
}

TEST(GRU, RejectsWhatDoesNotFit) {
  OpExample wrong = Examples_gru()[0];
  wrong.inputs[3].value = Ramp({1, 23});
  EXPECT_THROW(RunExample(wrong), Error);
}

// Values of ONNX Runtime 1.32.
MATCHER_P(Near, values, "") {
  return testing::Matches(
      testing::Pointwise(testing::FloatNear(1e-6f), values))(arg);
}

TEST(GRU, EqualsOnnxRuntime) {
  EXPECT_THAT(RunExample(Examples_gru()[1])[1].ToFloats(),
              Near(std::vector<float>{-0.2399375f, 0.3145909f, -0.4320897f,
                                      0.2002861f, 0.05891155f, 0.2961931f,
                                      -0.7552953f, 0.1249515f, -0.04718317f,
                                      0.2539643f, -0.06962009f, 0.4309072f}));
  EXPECT_THAT(RunExample(Examples_gru()[2])[1].ToFloats(),
              Near(std::vector<float>{-0.4402763f, 0.6007127f, 0.0734681f,
                                      0.3141002f, 0.4057236f, 0.08892095f,
                                      0.001041697f, -0.6238818f, -0.3778827f,
                                      0.5028815f, 0.1919514f, 0.1738296f}));
}

}  // namespace
}  // namespace squint
