#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_rotary_embedding() {
  return {
      OpExample("RotaryEmbedding", "by position")
          .In(Ramp({2, 3, 4, 6}))
          .Const(Ramp({8, 3}, -1, 1, 2))
          .Const(Ramp({8, 3}, -1, 1, 3))
          .Const(Ints({2, 4}, {0, 1, 2, 3, 7, 6, 5, 4}))
          .FixedSizes(),
      OpExample("RotaryEmbedding", "three axes, interleaved, in part")
          .In(Ramp({2, 4, 12}))
          .In(Ramp({2, 4, 2}, -1, 1, 2))
          .In(Ramp({2, 4, 2}, -1, 1, 3))
          .Set("num_heads", int64_t{2})
          .Set("interleaved", int64_t{1})
          .Set("rotary_embedding_dim", int64_t{4}),
  };
}

namespace {

using testing::ElementsAre;

// Cosine 0 and sine 1 for the first pair, 1 and 0 for the second: the first
// turns by a right angle, the second stays.
OpExample Turned(Dims dims) {
  const auto length = dims[dims.size() == 4 ? 2 : 1];
  std::vector<float> cos, sin;
  for (int64_t i = 0; i < length; ++i) {
    cos.insert(cos.end(), {0, 1});
    sin.insert(sin.end(), {1, 0});
  }
  const int64_t count = ElementCount(dims);
  std::vector<float> x(static_cast<size_t>(count));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i + 1);
  return OpExample("RotaryEmbedding", "")
      .In(Floats(std::move(dims), std::move(x)))
      .In(Floats({1, length, 2}, std::move(cos)))
      .In(Floats({1, length, 2}, std::move(sin)));
}

TEST(RotaryEmbedding, PairsLieHalfAHeadApart) {
  EXPECT_THAT(FloatsOf(Turned({1, 1, 1, 4})), ElementsAre(-3, 2, 1, 4));
}

TEST(RotaryEmbedding, OrAreNeighbours) {
  EXPECT_THAT(FloatsOf(Turned({1, 1, 1, 4}).Set("interleaved", int64_t{1})),
              ElementsAre(-2, 1, 3, 4));
}

TEST(RotaryEmbedding, WhatIsBeyondTheRotatedPartStays) {
  EXPECT_THAT(
      FloatsOf(Turned({1, 1, 1, 6}).Set("rotary_embedding_dim", int64_t{4})),
      ElementsAre(-3, 2, 1, 4, 5, 6));
}

TEST(RotaryEmbedding, ThreeAxesHoldTheHeadsInTheLast) {
  EXPECT_THAT(FloatsOf(Turned({1, 1, 8}).Set("num_heads", int64_t{2})),
              ElementsAre(-3, 2, 1, 4, -7, 6, 5, 8));
}

TEST(RotaryEmbedding, PositionsPickRowsOfTheCaches) {
  // Row 1 turns by a right angle, row 0 by nothing.
  EXPECT_THAT(FloatsOf(OpExample("RotaryEmbedding", "")
                           .In(Floats({1, 1, 2, 2}, {1, 2, 3, 4}))
                           .In(Floats({2, 1}, {1, 0}))
                           .In(Floats({2, 1}, {0, 1}))
                           .In(Ints({1, 2}, {1, 0}))),
              ElementsAre(-2, 1, 3, 4));
}

TEST(RotaryEmbedding, KeepsHalfPrecision) {
  const auto half = [](Dims dims, std::vector<float> values) {
    return Floats(std::move(dims), std::move(values)).CastTo(DType::kFloat16);
  };
  const Tensor y = RunExample(OpExample("RotaryEmbedding", "")
                                  .In(half({1, 1, 1, 2}, {1, 2}))
                                  .In(half({1, 1, 1}, {0}))
                                  .In(half({1, 1, 1}, {1})))[0];
  EXPECT_EQ(y.dtype(), DType::kFloat16);
  EXPECT_THAT(y.ToFloats(), ElementsAre(-2, 1));
}

TEST(RotaryEmbedding, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RunExample(Turned({1, 1, 8})), Error);  // without num_heads
  EXPECT_THROW(RunExample(Turned({1, 1, 8}).Set("num_heads", int64_t{3})),
               Error);
  EXPECT_THROW(RunExample(Turned({1, 1, 1, 6})), Error);  // caches too narrow
  EXPECT_THROW(
      RunExample(Turned({1, 1, 1, 4}).Set("rotary_embedding_dim", int64_t{6})),
      Error);
  EXPECT_THROW(RunExample(OpExample("RotaryEmbedding", "")
                              .In(Ramp({1, 1, 1, 2}))
                              .In(Ramp({2, 1}))
                              .In(Ramp({2, 1}))
                              .In(Ints({1, 1}, {2}))),
               Error);
}

}  // namespace
}  // namespace squint
