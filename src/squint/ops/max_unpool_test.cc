#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

OpExample Unpooled(std::vector<int64_t> indices) {
  return OpExample("MaxUnpool", "2 x 2")
      .In(Floats({1, 1, 2, 2}, {1, 2, 3, 4}))
      .In(Ints({1, 1, 2, 2}, std::move(indices)))
      .Set("kernel_shape", std::vector<int64_t>{2, 2})
      .Set("strides", std::vector<int64_t>{2, 2});
}

}  // namespace

std::vector<OpExample> Examples_max_unpool() {
  return {
      Unpooled({0, 3, 8, 15}).FixedSizes(),
      Unpooled({5, 7, 13, 15}).Const(Ints({4}, {1, 1, 5, 5})).FixedSizes(),
  };
}

namespace {

using testing::ElementsAre;

TEST(MaxUnpool, PutsValuesBackAndZeroElsewhere) {
  EXPECT_THAT(FloatsOf(Unpooled({0, 3, 9, 15})),
              ElementsAre(1, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 4));
}

TEST(MaxUnpool, ALargerOutputKeepsRowsAndColumns) {
  const Tensor y =
      RunExample(Unpooled({5, 7, 13, 15}).Const(Ints({4}, {1, 1, 4, 5})))[0];
  EXPECT_THAT(y.ToFloats(), ElementsAre(0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0,
                                        0, 0, 0, 3, 0, 4, 0));
}

TEST(MaxUnpool, WhatDoesNotFitIsAnError) {
  EXPECT_THROW(RunExample(Unpooled({0, 3, 9, 16})), Error);
  EXPECT_THROW(RunExample(Unpooled({0, 3, 9, -1})), Error);
  EXPECT_THROW(
      RunExample(Unpooled({0, 3, 9, 15}).Const(Ints({4}, {1, 1, 3, 4}))),
      Error);
  EXPECT_THROW(
      RunExample(
          Unpooled({0, 3, 9, 15}).Set("kernel_shape", std::vector<int64_t>{2})),
      Error);
}

}  // namespace
}  // namespace squint
