#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_upgrade_testing.h"

namespace squint {

namespace {

OpExample OneHot(const Tensor& indices, int64_t depth, int64_t axis = -1) {
  return OpExample("OneHot", "")
      .In(indices)
      .Const(Ints({}, {depth}))
      .Const(Floats({2}, {0, 1}))
      .Set("axis", axis);
}

}  // namespace

std::vector<OpExample> Examples_one_hot() {
  return {
      OneHot(Ints({2, 3}, {0, 1, 2, -1, 9, 1}), 3),
      OneHot(Ints({2, 2}, {0, 1, 1, 0}), 2, 1),
      OpExample("OneHot", "a scalar, float depth, integer values")
          .In(Floats({}, {1}))
          .Const(Floats({1}, {3}))
          .Const(Ints({2}, {7, 9})),
      OneHot(Ints({0}, {}), 4),
  };
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(OneHot, NegativeIndicesCountFromTheEndAndStrangeOnesNameNothing) {
  EXPECT_THAT(FloatsOf(OneHot(Ints({4}, {0, -1, 3, -4}), 3)),
              ElementsAre(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0));
}

TEST(OneHot, TheNewAxisMayStandAnywhere) {
  const Tensor indices = Ints({2}, {0, 1});
  EXPECT_THAT(FloatsOf(OneHot(indices, 3, 0)), ElementsAre(1, 0, 0, 1, 0, 0));
  EXPECT_THAT(FloatsOf(OneHot(indices, 3, 1)), ElementsAre(1, 0, 0, 0, 1, 0));
  EXPECT_THAT(RunExample(OneHot(indices, 3, 0))[0].dims(), ElementsAre(3, 2));
  EXPECT_THROW(RunExample(OneHot(indices, 3, 2)), Error);
}

TEST(OneHot, ValuesGiveTypeAndNumbers) {
  const Tensor y = RunExample(Examples_one_hot()[2])[0];
  EXPECT_EQ(y.dtype(), DType::kInt64);
  EXPECT_THAT(y.ToInts(), ElementsAre(7, 9, 7));
}

TEST(OneHot, RefusesAbsurdDepths) {
  EXPECT_THAT([] { RunExample(OneHot(Ints({1}, {0}), -1)); },
              ThrowsMessage<Error>(HasSubstr("depth is -1")));
  EXPECT_THROW(RunExample(OneHot(Ints({1}, {0}), INT64_MAX)), Error);
  EXPECT_THAT(
      [] { RunExample(OneHot(Tensor(DType::kInt64, {9}), int64_t{1} << 30)); },
      ThrowsMessage<Error>(HasSubstr("memory limit")));
}

TEST(OneHot, BeforeOpset11NegativeIndicesNamedNothing) {
  const OpExample old = OneHot(Ints({3}, {0, -1, 1}), 2);
  EXPECT_THAT(RunUpgraded(old, 9).ToFloats(), ElementsAre(1, 0, 0, 0, 0, 1));
  EXPECT_THAT(RunUpgraded(old, 11).ToFloats(), ElementsAre(1, 0, 0, 1, 0, 1));
}

}  // namespace
}  // namespace squint
