#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_deform_conv() {
  return {
      OpExample("DeformConv", "groups, mask, bias")
          .In(Ramp({2, 4, 5, 6}))
          .Const(Ramp({6, 2, 3, 2}, -1, 1, 2))
          .In(Ramp({2, 24, 3, 4}, -1, 1, 3))
          .Const(Ramp({6}, -1, 1, 4))
          .In(Ramp({2, 12, 3, 4}, 0, 1, 5))
          .Set("group", int64_t{2})
          .Set("offset_group", int64_t{2})
          .Set("pads", std::vector<int64_t>{1, 0, 1, 1})
          .Set("strides", std::vector<int64_t>{2, 1})
          .Set("dilations", std::vector<int64_t>{1, 3}),
  };
}

namespace {

using testing::ElementsAre;

// A 1 x 2 kernel (1, 10) on pixels 1, 2, 3: two positions, each tap moved by
// (dy, dx).
OpExample Deformed(std::vector<float> offsets) {
  return OpExample("DeformConv", "")
      .In(Floats({1, 1, 1, 3}, {1, 2, 3}))
      .Const(Floats({1, 1, 1, 2}, {1, 10}))
      .In(Floats({1, 4, 1, 2}, std::move(offsets)));
}

TEST(DeformConv, WithoutOffsetsIsAConvolution) {
  EXPECT_THAT(FloatsOf(Deformed({0, 0, 0, 0, 0, 0, 0, 0})),
              ElementsAre(21, 32));
}

TEST(DeformConv, OffsetsMoveEachTap) {
  // The first position's taps move right by 0.5 and 1, the second's second
  // tap down by half a row.
  EXPECT_THAT(FloatsOf(Deformed({0, 0, 0.5f, 0, 0, 0.5f, 1, 0})),
              ElementsAre(31.5f, 17));
}

TEST(DeformConv, TheMaskWeighsEachTap) {
  EXPECT_THAT(FloatsOf(Deformed({0, 0, 0, 0, 0, 0, 0, 0})
                           .In(Floats({1}, {100}))
                           .In(Floats({1, 2, 1, 2}, {1, 0, 0.5f, 1}))),
              ElementsAre(111, 130));
}

TEST(DeformConv, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RunExample(OpExample("DeformConv", "")
                              .In(Ramp({1, 1, 1, 3}))
                              .Const(Ramp({1, 1, 1, 2}))
                              .In(Ramp({1, 2, 1, 2}))),
               Error);
  EXPECT_THROW(
      RunExample(
          Deformed({0, 0, 0, 0, 0, 0, 0, 0}).Set("offset_group", int64_t{2})),
      Error);
  EXPECT_THROW(
      RunExample(
          Deformed({0, 0, 0, 0, 0, 0, 0, 0}).Set("offset_group", int64_t{0})),
      Error);
}

}  // namespace
}  // namespace squint
