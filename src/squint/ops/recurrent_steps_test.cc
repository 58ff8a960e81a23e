#include "squint/ops/recurrent_steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/op_examples.h"

namespace squint {
namespace {

OpExample LstmSteps(const char* what) {
  return OpExample("LSTMSteps", what, "squint")
      .In(Ramp({5, 2, 12}))
      .Const(Ramp({3, 12}, -1, 1, 2))
      .In(Ramp({2, 3}, -1, 1, 3))
      .In(Ramp({2, 3}, -1, 1, 4))
      .Outputs(3)
      .FixedSizes();
}

// Without initial state and what follows it.
OpExample GruGatesAndWeights(const char* what) {
  return OpExample("GRUSteps", what, "squint")
      .In(Ramp({5, 2, 9}))
      .Const(Ramp({3, 6}, -1, 1, 2))
      .Const(Ramp({3, 3}, -1, 1, 3))
      .In(Ramp({2, 3}, -1, 1, 4))
      .Outputs(2)
      .FixedSizes();
}

OpExample OnGrid(OpExample example, float scale) {
  return std::move(example)
      .Const(Floats({}, {scale}))
      .Const(Tensor::Of<uint8_t>({}, {128}));
}

}  // namespace

std::vector<OpExample> Examples_recurrent_steps() {
  return {
      LstmSteps("plain"),
      LstmSteps("reverse").Set("reverse", int64_t{1}),
      OnGrid(LstmSteps("on a grid"), 1.0f / 127),
      GruGatesAndWeights("plain"),
      OnGrid(GruGatesAndWeights("on a grid").Absent(), 1.0f / 127),
      GruGatesAndWeights("linear before reset, late bias")
          .Const(Ramp({3}, -1, 1, 5))
          .Set("linear_before_reset", int64_t{1}),
      OnGrid(GruGatesAndWeights("linear before reset on a grid, reverse")
                 .Const(Ramp({3}, -1, 1, 5))
                 .Set("linear_before_reset", int64_t{1})
                 .Set("reverse", int64_t{1}),
             1.0f / 127),
  };
}

namespace {

using testing::FloatNear;
using testing::Pointwise;

// LSTM and its steps on the same input part.
TEST(RecurrentSteps, AreWhatLstmDoesBehindItsInputProduct) {
  const Tensor gates = Ramp({4, 2, 8});
  const Tensor r = Ramp({2, 8}, -1, 1, 2);
  Tensor r_rows(DType::kFloat32, {1, 8, 2});
  Tensor identity(DType::kFloat32, {1, 8, 8});
  for (int64_t j = 0; j < 8; ++j) {
    for (int64_t k = 0; k < 2; ++k) {
      r_rows.mutable_data<float>()[j * 2 + k] = r.data<float>()[k * 8 + j];
    }
    for (int64_t i = 0; i < 8; ++i) {
      identity.mutable_data<float>()[j * 8 + i] = i == j ? 1.0f : 0.0f;
    }
  }
  const Tensor zeros = Floats({2, 2}, {0, 0, 0, 0});
  const auto steps = RunExample(OpExample("LSTMSteps", "steps", "squint")
                                    .In(gates)
                                    .Const(r)
                                    .In(zeros)
                                    .In(zeros)
                                    .Outputs(3));
  const auto lstm = RunExample(OpExample("LSTM", "whole")
                                   .In(gates)
                                   .Const(identity)
                                   .Const(r_rows)
                                   .Set("hidden_size", int64_t{2})
                                   .Outputs(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(steps[i].ToFloats(),
                Pointwise(FloatNear(1e-6f), lstm[i].ToFloats()));
  }
}

// With all weights zero but one, what a step multiplies can be read off.
TEST(RecurrentSteps, RoundTheStateOnlyWhereItIsMultiplied) {
  const float state = 0.3f;
  const auto gru = [&](float scale) {
    return RunExample(OnGrid(OpExample("GRUSteps", "one", "squint")
                                 .In(Floats({1, 1, 3}, {100, 100, 0}))
                                 .Const(Floats({1, 2}, {0, 0}))
                                 .Const(Floats({1, 1}, {1}))
                                 .In(Floats({1, 1}, {state}))
                                 .Absent()
                                 .Outputs(2),
                             scale))[1];
  };
  // The update gate is open: the state is carried on as it was.
  EXPECT_FLOAT_EQ(gru(0.5f).ToFloats()[0], state);

  const auto fresh = [&](float scale) {
    return RunExample(OnGrid(OpExample("GRUSteps", "one", "squint")
                                 .In(Floats({1, 1, 3}, {-100, 100, 0}))
                                 .Const(Floats({1, 2}, {0, 0}))
                                 .Const(Floats({1, 1}, {1}))
                                 .In(Floats({1, 1}, {state}))
                                 .Absent()
                                 .Outputs(2),
                             scale))[1];
  };
  // Closed: tanh of the state rounded to halves.
  EXPECT_FLOAT_EQ(fresh(0.5f).ToFloats()[0], std::tanh(0.5f));
}

}  // namespace
}  // namespace squint
