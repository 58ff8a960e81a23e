#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_col2im() {
  return {
      OpExample("Col2Im", "strides, pads, dilations")
          .In(Ramp({2, 12, 4}))
          .Const(Ints({2}, {5, 6}))
          .Const(Ints({2}, {2, 2}))
          .Set("strides", std::vector<int64_t>{3, 3})
          .Set("pads", std::vector<int64_t>{0, 1, 1, 0})
          .Set("dilations", std::vector<int64_t>{1, 2}),
      OpExample("Col2Im", "volumes")
          .In(Ramp({1, 8, 8}))
          .Const(Ints({3}, {3, 3, 3}))
          .Const(Ints({3}, {2, 2, 2}))
          .FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;

TEST(Col2Im, OverlappingBlocksAddUp) {
  // Blocks of 1 x 2 over a row of 3: two of them, which share the middle.
  EXPECT_THAT(FloatsOf(OpExample("Col2Im", "")
                           .In(Floats({1, 2, 2}, {1, 2, 3, 4}))
                           .Const(Ints({2}, {1, 3}))
                           .Const(Ints({2}, {1, 2}))),
              ElementsAre(1, 5, 4));
}

TEST(Col2Im, PaddingIsDropped) {
  EXPECT_THAT(FloatsOf(OpExample("Col2Im", "")
                           .In(Floats({1, 2, 2}, {1, 2, 3, 4}))
                           .Const(Ints({2}, {1, 2}))
                           .Const(Ints({2}, {1, 2}))
                           .Set("pads", std::vector<int64_t>{0, 1, 0, 0})),
              ElementsAre(5, 4));
}

TEST(Col2Im, WhatDoesNotFitIsAnError) {
  const auto run = [](Dims columns, std::vector<int64_t> image,
                      std::vector<int64_t> block) {
    return RunExample(
        OpExample("Col2Im", "")
            .In(Ramp(std::move(columns)))
            .Const(Ints({static_cast<int64_t>(image.size())}, image))
            .Const(
                Ints({static_cast<int64_t>(block.size())}, block)));
  };
  EXPECT_THROW(run({1, 2, 3}, {1, 3}, {1, 2}), Error);  // two blocks
  EXPECT_THROW(run({1, 3, 2}, {1, 3}, {1, 2}), Error);
  EXPECT_THROW(run({1, 2, 2}, {1, 3}, {2}), Error);
  EXPECT_THROW(run({1, 2, 2}, {1, -3}, {1, 2}), Error);
  EXPECT_THROW(run({1, 2}, {1, 3}, {1, 2}), Error);
}

}  // namespace
}  // namespace squint
