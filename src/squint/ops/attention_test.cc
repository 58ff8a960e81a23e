#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_attention() {
  const auto four = [](const char* what) {
    return OpExample("Attention", what)
        .In(Ramp({2, 4, 3, 6}))
        .In(Ramp({2, 2, 5, 6}, -1, 1, 2))
        .In(Ramp({2, 2, 5, 7}, -1, 1, 3));
  };
  return {
      four("grouped heads"),
      four("all outputs, float mask, past")
          .Const(Ramp({3, 9}, -1, 1, 4))
          .Const(Ramp({2, 2, 4, 6}, -1, 1, 5))
          .Const(Ramp({2, 2, 4, 7}, -1, 1, 6))
          .Set("qk_matmul_output_mode", int64_t{3})
          .Outputs(4)
          .FixedSizes(),
      OpExample("Attention", "three axes, causal")
          .In(Ramp({2, 3, 8}))
          .In(Ramp({2, 5, 8}, -1, 1, 2))
          .In(Ramp({2, 5, 6}, -1, 1, 3))
          .Set("q_num_heads", int64_t{2})
          .Set("kv_num_heads", int64_t{2})
          .Set("is_causal", int64_t{1})
          .Outputs(4),
      four("valid lengths, soft cap")
          .Absent()
          .Absent()
          .Absent()
          .Const(Ints({2}, {5, 2}))
          .Set("softcap", 2.0f)
          .Set("scale", 0.7f)
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatNear;
using testing::Pointwise;

// All scores zero, so that each row is the mean of the values it sees; those
// are 1, 2, 4, 8 ...
OpExample Means(int64_t rows, int64_t keys) {
  std::vector<float> values;
  for (int64_t i = 0; i < keys; ++i) {
    values.push_back(std::ldexp(1.0f, static_cast<int>(i)));
  }
  return OpExample("Attention", "")
      .In(Floats({1, 1, rows, 1},
                 std::vector<float>(static_cast<size_t>(rows), 0.0f)))
      .In(Ramp({1, 1, keys, 1}))
      .In(Floats({1, 1, keys, 1}, std::move(values)));
}

Tensor Bools(Dims dims, std::vector<float> values) {
  return Floats(std::move(dims), std::move(values)).CastTo(DType::kBool);
}

TEST(Attention, WeighsTheValuesByTheSoftmaxOfTheScores) {
  // Scores 2 * 3 * 0.5 = 3 and 2 * 1 * 0.5 = 1.
  const double a = std::exp(3.0) / (std::exp(3.0) + std::exp(1.0));
  EXPECT_THAT(FloatsOf(OpExample("Attention", "")
                           .In(Floats({1, 1, 1, 1}, {2}))
                           .In(Floats({1, 1, 2, 1}, {3, 1}))
                           .In(Floats({1, 1, 2, 2}, {1, 0, 0, 1}))
                           .Set("scale", 0.5f)),
              ElementsAre(FloatNear(static_cast<float>(a), 1e-6f),
                          FloatNear(static_cast<float>(1 - a), 1e-6f)));
}

TEST(Attention, ScalesByTheHeadSizeUnlessTold) {
  const Tensor q = Ramp({1, 2, 3, 16});
  const Tensor k = Ramp({1, 2, 4, 16}, -1, 1, 2);
  const Tensor v = Ramp({1, 2, 4, 5}, -1, 1, 3);
  const auto attention = [&] {
    return OpExample("Attention", "").In(q).In(k).In(v);
  };
  EXPECT_EQ(FloatsOf(attention()), FloatsOf(attention().Set("scale", 0.25f)));
}

TEST(Attention, CausalRowsSeeTheKeysUpToTheirOwn) {
  EXPECT_THAT(FloatsOf(Means(3, 3).Set("is_causal", int64_t{1})),
              ElementsAre(1, 1.5f, FloatNear(7.0f / 3, 1e-6f)));
}

TEST(Attention, APastIsSeenByAllRows) {
  const Tensor y = RunExample(Means(2, 2)
                                  .Absent()
                                  .In(Ramp({1, 1, 1, 1}))
                                  .In(Floats({1, 1, 1, 1}, {16}))
                                  .Set("is_causal", int64_t{1}))[0];
  EXPECT_THAT(y.ToFloats(), ElementsAre(8.5f, FloatNear(19.0f / 3, 1e-6f)));
}

TEST(Attention, ThePresentIsThePastAndTheNew) {
  const auto outputs = RunExample(OpExample("Attention", "")
                                      .In(Ramp({1, 1, 1, 1}))
                                      .In(Floats({1, 1, 1, 1}, {3}))
                                      .In(Floats({1, 1, 1, 2}, {5, 6}))
                                      .Absent()
                                      .In(Floats({1, 1, 2, 1}, {1, 2}))
                                      .In(Floats({1, 1, 2, 2}, {1, 2, 3, 4}))
                                      .Outputs(3));
  EXPECT_THAT(outputs[1].ToFloats(), ElementsAre(1, 2, 3));
  EXPECT_THAT(outputs[2].ToFloats(), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(Attention, KeysBeyondTheValidLengthAreOutOfSight) {
  EXPECT_THAT(
      FloatsOf(Means(1, 4).Absent().Absent().Absent().In(Ints({1}, {2}))),
      ElementsAre(1.5f));
}

TEST(Attention, CausalRowsEndAtTheValidLength) {
  // Three valid keys, two rows: the rows are those of keys 1 and 2.
  EXPECT_THAT(FloatsOf(Means(2, 4)
                           .Absent()
                           .Absent()
                           .Absent()
                           .In(Ints({1}, {3}))
                           .Set("is_causal", int64_t{1})),
              ElementsAre(1.5f, FloatNear(7.0f / 3, 1e-6f)));
}

TEST(Attention, AWindowBoundsTheSight) {
  EXPECT_THAT(FloatsOf(Means(4, 4)
                           .Set("left_window_size", int64_t{1})
                           .Set("right_window_size", int64_t{0})),
              ElementsAre(1, 1.5f, 3, 6));
}

TEST(Attention, MasksHideOrAdd) {
  EXPECT_THAT(FloatsOf(Means(2, 2).In(Bools({2, 2}, {0, 1, 1, 1}))),
              ElementsAre(2, 1.5f));
  const float three = std::log(3.0f);
  EXPECT_THAT(FloatsOf(Means(1, 2).In(Floats({2}, {three, 0}))),
              ElementsAre(FloatNear(1.25f, 1e-6f)));
}

TEST(Attention, AShortMaskHidesTheKeysBehindIt) {
  EXPECT_THAT(FloatsOf(Means(1, 4).In(Bools({1, 2}, {1, 1}))),
              ElementsAre(1.5f));
}

TEST(Attention, ARowThatSeesNothingIsZero) {
  EXPECT_THAT(FloatsOf(Means(2, 2).In(Bools({2, 2}, {0, 0, 1, 0}))),
              ElementsAre(0, 1));
}

TEST(Attention, HeadsThatShareKeysAreNeighbours) {
  EXPECT_THAT(FloatsOf(OpExample("Attention", "")
                           .In(Ramp({1, 4, 1, 1}))
                           .In(Ramp({1, 2, 1, 1}))
                           .In(Floats({1, 2, 1, 1}, {5, 7}))),
              ElementsAre(5, 5, 7, 7));
}

TEST(Attention, ShowsTheStageOfTheScoresAskedFor) {
  const auto scores = [](int64_t mode) {
    return RunExample(OpExample("Attention", "")
                          .In(Floats({1, 1, 1, 1}, {2}))
                          .In(Floats({1, 1, 2, 1}, {1, 2}))
                          .In(Ramp({1, 1, 2, 1}))
                          .In(Floats({2}, {0.5f, 0}))
                          .Set("softcap", 2.0f)
                          .Set("scale", 1.0f)
                          .Set("qk_matmul_output_mode", mode)
                          .Outputs(4))[3]
        .ToFloats();
  };
  const float a = 2 * std::tanh(1.0f);
  const float b = 2 * std::tanh(2.0f);
  const float p = 1 / (1 + std::exp(b - a - 0.5f));
  EXPECT_THAT(scores(0), ElementsAre(2, 4));
  EXPECT_THAT(scores(1), Pointwise(FloatNear(1e-6f), {a, b}));
  EXPECT_THAT(scores(2), Pointwise(FloatNear(1e-6f), {a + 0.5f, b}));
  EXPECT_THAT(scores(3), Pointwise(FloatNear(1e-6f), {p, 1 - p}));
  EXPECT_THROW(scores(4), Error);
}

TEST(Attention, ThreeAxesEqualFour) {
  // With one row a head's place is the same in both layouts.
  const auto y4 = FloatsOf(OpExample("Attention", "")
                               .In(Ramp({1, 2, 1, 4}))
                               .In(Ramp({1, 2, 1, 4}, -1, 1, 2))
                               .In(Ramp({1, 2, 1, 3}, -1, 1, 3)));
  const auto y3 = RunExample(OpExample("Attention", "")
                                 .In(Ramp({1, 1, 8}))
                                 .In(Ramp({1, 1, 8}, -1, 1, 2))
                                 .In(Ramp({1, 1, 6}, -1, 1, 3))
                                 .Set("q_num_heads", int64_t{2})
                                 .Set("kv_num_heads", int64_t{2}))[0];
  EXPECT_EQ(y3.dims(), (Dims{1, 1, 6}));
  EXPECT_EQ(y3.ToFloats(), y4);
}

TEST(Attention, RowsOfThreeAxesKeepTheirPlace) {
  // Two heads, two rows: values differ by head, so the result shows it.
  EXPECT_THAT(RunExample(OpExample("Attention", "")
                             .In(Ramp({1, 2, 2}))
                             .In(Ramp({1, 1, 2}))
                             .In(Floats({1, 1, 2}, {5, 7}))
                             .Set("q_num_heads", int64_t{2})
                             .Set("kv_num_heads", int64_t{2}))[0]
                  .ToFloats(),
              ElementsAre(5, 7, 5, 7));
}

TEST(Attention, ValuesMayHaveATypeOfTheirOwn) {
  const auto outputs =
      RunExample(OpExample("Attention", "")
                     .In(Ramp({1, 1, 1, 2}).CastTo(DType::kFloat16))
                     .In(Ramp({1, 1, 1, 2}).CastTo(DType::kFloat16))
                     .In(Floats({1, 1, 1, 1}, {3}))
                     .Outputs(3));
  EXPECT_EQ(outputs[0].dtype(), DType::kFloat16);
  EXPECT_EQ(outputs[1].dtype(), DType::kFloat16);
  EXPECT_EQ(outputs[2].dtype(), DType::kFloat32);
}

TEST(Attention, SymbolicLengthsAreJoined) {
  Graph graph;
  const auto input = [&](const char* name, const char* length) {
    return graph.AddInput(
        name, DType::kFloat32,
        Shape({Dim::Symbol("b"), Dim(2), Dim::Symbol(length), Dim(4)}));
  };
  Node node;
  node.op_type = "Attention";
  node.inputs = {input("q", "s"), input("k", "s"),  input("v", "s"),
                 kNoValue,        input("pk", "p"), input("pv", "p")};
  for (int i = 0; i < 4; ++i) node.outputs.push_back(graph.AddValue("y"));
  const std::vector<ValueId> outputs = node.outputs;
  graph.AddNode(std::move(node));
  InferShapes(graph);
  EXPECT_EQ(graph.value(outputs[0]).shape.ToString(), "[b,2,s,4]");
  EXPECT_EQ(graph.value(outputs[1]).shape.ToString(), "[b,2,s+p,4]");
  EXPECT_EQ(graph.value(outputs[3]).shape.ToString(), "[b,2,s,s+p]");
}

TEST(Attention, WhatDoesNotFitIsAnError) {
  const auto run = [](Dims q, Dims k, Dims v) {
    return RunExample(OpExample("Attention", "")
                          .In(Ramp(std::move(q)))
                          .In(Ramp(std::move(k)))
                          .In(Ramp(std::move(v))));
  };
  EXPECT_NO_THROW(run({1, 4, 2, 3}, {1, 2, 5, 3}, {1, 2, 5, 6}));
  EXPECT_THROW(run({1, 3, 2, 3}, {1, 2, 5, 3}, {1, 2, 5, 6}), Error);
  EXPECT_THROW(run({1, 4, 2, 3}, {1, 2, 5, 4}, {1, 2, 5, 6}), Error);
  EXPECT_THROW(run({1, 4, 2, 3}, {1, 2, 5, 3}, {1, 2, 4, 6}), Error);
  EXPECT_THROW(run({2, 4, 2, 3}, {1, 2, 5, 3}, {1, 2, 5, 6}), Error);
  EXPECT_THROW(run({1, 2, 8}, {1, 2, 8}, {1, 2, 8}), Error);  // no head count
  EXPECT_THROW(run({2, 3}, {2, 3}, {2, 3}), Error);
  EXPECT_THROW(RunExample(Means(1, 2).In(Ramp({3}))), Error);
  EXPECT_THROW(RunExample(Means(1, 2).Absent().In(Ramp({1, 1, 1, 1}))), Error);
  EXPECT_THROW(
      RunExample(Means(1, 2).Absent().Absent().Absent().In(Ints({1}, {3}))),
      Error);
  EXPECT_THROW(RunExample(Means(1, 2).Set("left_window_size", int64_t{-2})),
               Error);
}

}  // namespace
}  // namespace squint
