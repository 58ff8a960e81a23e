#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_lstm() {
  const auto plain = [](const char* what) {
    return OpExample("LSTM", what)
        .In(Ramp({5, 3, 2}))
        .Const(Ramp({1, 16, 2}, -1, 1, 2))
        .Const(Ramp({1, 16, 4}, -1, 1, 3))
        .Set("hidden_size", int64_t{4});
  };
  const auto dynamic = [](const char* what, Tensor scale, Tensor zero) {
    Tensor w(DType::kInt8, {1, 2, 16});
    Tensor r(DType::kInt8, {1, 4, 16});
    for (Tensor* weights : {&w, &r}) {
      for (int64_t i = 0; i < weights->size(); ++i) {
        weights->mutable_data<int8_t>()[i] = static_cast<int8_t>(i * 83 + 7);
      }
    }
    return OpExample("DynamicQuantizeLSTM", what, "com.microsoft")
        .In(Ramp({5, 3, 2}))
        .Const(w)
        .Const(r)
        .Const(Ramp({1, 32}, -1, 1, 4))
        .Absent()
        .Absent()
        .Absent()
        .Absent()
        .Const(scale)
        .Const(zero)
        .Const(scale)
        .Const(zero)
        .Set("hidden_size", int64_t{4})
        .Outputs(3);
  };
  return {
      plain("no bias").Outputs(3),
      plain("reverse, bias, lengths, states")
          .Const(Ramp({1, 32}, -1, 1, 4))
          .Const(Tensor::Of<int32_t>({3}, {5, 1, 3}))
          .Const(Ramp({1, 3, 4}, -1, 1, 5))
          .Const(Ramp({1, 3, 4}, -1, 1, 6))
          .Set("direction", std::string("reverse"))
          .Outputs(3)
          .FixedSizes(),
      plain("peepholes, clip, coupled gates")
          .Absent()
          .Absent()
          .Absent()
          .Absent()
          .Const(Ramp({1, 12}, -2, 2, 5))
          .Set("clip", 0.5f)
          .Set("input_forget", int64_t{1})
          .Outputs(3)
          .FixedSizes(),
      plain("peepholes")
          .Const(Ramp({1, 32}, -1, 1, 4))
          .Absent()
          .Absent()
          .Absent()
          .Const(Ramp({1, 12}, -2, 2, 5))
          .Outputs(3)
          .FixedSizes(),
      OpExample("LSTM", "both directions, other activations")
          .In(Ramp({4, 2, 3}))
          .Const(Ramp({2, 8, 3}, -1, 1, 2))
          .Const(Ramp({2, 8, 2}, -1, 1, 3))
          .Const(Ramp({2, 16}, -1, 1, 4))
          .Const(Tensor::Of<int32_t>({2}, {2, 4}))
          .Set("direction", std::string("bidirectional"))
          .Set("activations",
               std::vector<std::string>{"HardSigmoid", "Tanh", "Softsign",
                                        "Sigmoid", "Relu", "Tanh"})
          .Set("activation_alpha", std::vector<float>{0.3f})
          .Set("activation_beta", std::vector<float>{0.4f})
          .Set("hidden_size", int64_t{2})
          .Outputs(3)
          .FixedSizes(),
      OpExample("LSTM", "batch first")
          .In(Ramp({3, 5, 2}))
          .Const(Ramp({1, 16, 2}, -1, 1, 2))
          .Const(Ramp({1, 16, 4}, -1, 1, 3))
          .Absent()
          .Absent()
          .Const(Ramp({3, 1, 4}, -1, 1, 5))
          .Set("layout", int64_t{1})
          .Set("hidden_size", int64_t{4})
          .Outputs(3)
          .FixedSizes(),
      dynamic("per direction", Floats({1}, {0.01f}),
              Tensor::Of<int8_t>({1}, {0})),
      dynamic("per unit of each gate", Ramp({1, 16}, 0.005f, 0.02f),
              Tensor(DType::kInt8, {1, 16})),
  };
}

namespace {

using testing::ElementsAre;

// All weights zero: the gates are sigmoid(bias), the fresh value
// tanh(bias).
OpExample OnlyBias(std::vector<float> bias) {
  return OpExample("LSTM", "only bias")
      .In(Floats({2, 1, 1}, {7, -7}))
      .Const(Floats({1, 4, 1}, {0, 0, 0, 0}))
      .Const(Floats({1, 4, 1}, {0, 0, 0, 0}))
      .Const(Floats({1, 8}, std::move(bias)))
      .Set("hidden_size", int64_t{1})
      .Outputs(3);
}

TEST(LSTM, GatesComeInTheOrderInputOutputForgetCell) {
  // i = 1, o = 1/2, f = 1/2, fresh = tanh(1): c is 1 and then 1.5 of it.
  const std::vector<Tensor> outputs =
      RunExample(OnlyBias({100, 0, 0, 0.5f, 0, 0, 0, 0.5f}));
  const double fresh = std::tanh(1.0);
  EXPECT_FLOAT_EQ(outputs[2].ToFloats()[0], static_cast<float>(1.5 * fresh));
  EXPECT_FLOAT_EQ(outputs[0].ToFloats()[0],
                  static_cast<float>(0.5 * std::tanh(fresh)));
  EXPECT_FLOAT_EQ(outputs[0].ToFloats()[1],
                  static_cast<float>(0.5 * std::tanh(1.5 * fresh)));
  EXPECT_FLOAT_EQ(outputs[1].ToFloats()[0], outputs[0].ToFloats()[1]);
}

TEST(LSTM, AShortSampleIsZeroBeyondItsLength) {
  const OpExample example =
      OnlyBias({100, 0, 0, 1, 0, 0, 0, 0}).Const(Tensor::Of<int32_t>({1}, {1}));
  const std::vector<Tensor> outputs = RunExample(example);
  const auto h = static_cast<float>(0.5 * std::tanh(std::tanh(1.0)));
  EXPECT_THAT(outputs[0].ToFloats(), ElementsAre(h, 0));
  EXPECT_THAT(outputs[1].ToFloats(), ElementsAre(h));
}

TEST(LSTM, ASampleWithoutStepsEndsAtZero) {
  const OpExample example = OnlyBias({100, 0, 0, 1, 0, 0, 0, 0})
                                .Const(Tensor::Of<int32_t>({1}, {0}))
                                .Const(Floats({1, 1, 1}, {3}))
                                .Const(Floats({1, 1, 1}, {4}));
  for (const Tensor& output : RunExample(example)) {
    for (const float value : output.ToFloats()) EXPECT_EQ(value, 0);
  }
}

TEST(LSTM, ShapesFollowTheLayout) {
  Graph graph = GraphOf(Examples_lstm()[0], true);
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape.ToString(), "[n,1,3,4]");
  EXPECT_EQ(graph.value(graph.outputs()[1]).shape.ToString(), "[1,3,4]");
  graph = GraphOf(Examples_lstm()[5], true);
  InferShapes(graph);
  EXPECT_EQ(graph.value(graph.outputs()[0]).shape.ToString(), "[n,5,1,4]");
  EXPECT_EQ(graph.value(graph.outputs()[2]).shape.ToString(), "[n,1,4]");
}

TEST(LSTM, RejectsWhatDoesNotFit) {
  OpExample wrong = Examples_lstm()[0];
  wrong.inputs[1].value = Ramp({1, 15, 2});
  EXPECT_THROW(RunExample(wrong), Error);
  wrong = Examples_lstm()[1];
  wrong.inputs[4].value = Tensor::Of<int32_t>({3}, {5, 6, 0});
  EXPECT_THROW(RunExample(wrong), Error);
  wrong = Examples_lstm()[0];
  wrong.attributes["direction"] = std::string("sideways");
  Graph graph = GraphOf(wrong);
  EXPECT_THROW(InferShapes(graph), Error);
}

// Values of ONNX Runtime 1.32.
MATCHER_P(Near, values, "") {
  return testing::Matches(
      testing::Pointwise(testing::FloatNear(1e-6f), values))(arg);
}

TEST(LSTM, EqualsOnnxRuntime) {
  EXPECT_THAT(RunExample(Examples_lstm()[3])[1].ToFloats(),
              Near(std::vector<float>{-0.1510851f, -0.007663487f, -0.3469953f,
                                      0.04559309f, -0.01522425f, -0.1153761f,
                                      -0.2221833f, 0.06510297f, -0.2376752f,
                                      0.09670202f, -0.4816115f, 0.03757139f}));
  EXPECT_THAT(RunExample(Examples_lstm()[1])[1].ToFloats(),
              Near(std::vector<float>{-0.2148135f, 0.1486201f, -0.3147451f,
                                      0.03155297f, 0.06820976f, -0.01733745f,
                                      -0.3582982f, -0.2405833f, -0.2642495f,
                                      0.1292736f, -0.3025777f, 0.0780578f}));
  EXPECT_THAT(
      RunExample(Examples_lstm()[4])[2].ToFloats(),
      Near(std::vector<float>{-0.6385059f, 0.1098614f, -0.1993061f, 0.4592717f,
                              0, 0.6000643f, 0, 0.9529381f}));
}

// With inputs and states on their own grids (one step, whose initial state
// is 0), it is LSTM on the dequantized, transposed weights.
TEST(DynamicQuantizeLSTM, IsLstmOnDequantizedWeights) {
  for (size_t which : {size_t{2}, size_t{1}}) {
    const std::vector<OpExample> all = Examples_lstm();
    OpExample dynamic = all[all.size() - which];
    // 0 and 255 steps: DynamicQuantizeLinear changes nothing.
    dynamic.inputs[0].value = Floats({1, 1, 2}, {0.0f, 255.0f / 128});
    OpExample plain("LSTM", "dequantized");
    plain.attributes = dynamic.attributes;
    plain = std::move(plain).In(dynamic.inputs[0].value);
    for (const size_t i : {size_t{1}, size_t{2}}) {
      const Tensor& q = dynamic.inputs[i].value;
      const Tensor& scale = dynamic.inputs[8].value;
      Tensor real(DType::kFloat32, {1, 16, q.dim(1)});
      for (int64_t k = 0; k < q.size(); ++k) {
        const int64_t row = k % 16;
        real.mutable_data<float>()[row * q.dim(1) + k / 16] =
            static_cast<float>(q.data<int8_t>()[k]) *
            scale.data<float>()[scale.size() == 1 ? 0 : row];
      }
      plain = std::move(plain).Const(real);
    }
    plain = std::move(plain).Const(dynamic.inputs[3].value);
    const std::vector<float> expected = FloatsOf(plain);
    const std::vector<float> got = RunExample(dynamic)[0].ToFloats();
    ASSERT_EQ(got.size(), expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_FLOAT_EQ(got[i], expected[i]);
    }
  }
}

TEST(DynamicQuantizeLSTM, RoundsTheStateThatItFeedsBack) {
  const std::vector<OpExample> all = Examples_lstm();
  OpExample coarse = all[all.size() - 2];
  // A state of 0.5 and 0.502 is one step apart from 0 to 1 in 255 steps; one
  // of 0.5001 is not.
  const auto with_state = [&](float unit) {
    OpExample example = coarse;
    example.inputs[0].value = Floats({1, 1, 2}, {0.0f, 1.0f});
    example.inputs[5].value = Floats({1, 1, 4}, {1.0f, unit, 0.0f, 0.0f});
    return FloatsOf(example);
  };
  EXPECT_EQ(with_state(0.5f + 1e-4f), with_state(0.5f + 2e-4f));
  EXPECT_NE(with_state(0.5f), with_state(0.51f));
}

TEST(DynamicQuantizeLSTM, RefusesScalesThatDoNotFit) {
  const std::vector<OpExample> all = Examples_lstm();
  OpExample example = all.back();
  example.inputs[8].value = Ramp({1, 15}, 0.1f, 0.2f);
  EXPECT_THROW(RunExample(example), Error);
}

}  // namespace
}  // namespace squint
