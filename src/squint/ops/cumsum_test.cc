#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/infer.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_cumsum() {
  return {
      OpExample("CumSum", "middle axis")
          .In(Ramp({2, 5, 3}))
          .Const(Ints({}, {-2})),
      OpExample("CumSum", "exclusive and reverse, integers")
          .In(Ints({2, 3}, {1, 2, 3, 4, 5, 6}))
          .Const(Ints({1}, {1}))
          .Set("exclusive", int64_t{1})
          .Set("reverse", int64_t{1}),
      OpExample("CumSum", "no elements").In(Ramp({2, 0})).Const(Ints({}, {0})),
  };
}

namespace {

using testing::ElementsAre;

std::vector<int64_t> Sums(const Tensor& x, int64_t axis, int64_t exclusive,
                          int64_t reverse) {
  return RunExample(OpExample("CumSum", "")
                        .In(x)
                        .Const(Ints({}, {axis}))
                        .Set("exclusive", exclusive)
                        .Set("reverse", reverse))[0]
      .ToInts();
}

TEST(CumSum, FourWaysToSumALine) {
  const Tensor x = Ints({3}, {1, 2, 3});
  EXPECT_THAT(Sums(x, 0, 0, 0), ElementsAre(1, 3, 6));
  EXPECT_THAT(Sums(x, 0, 1, 0), ElementsAre(0, 1, 3));
  EXPECT_THAT(Sums(x, 0, 0, 1), ElementsAre(6, 5, 3));
  EXPECT_THAT(Sums(x, 0, 1, 1), ElementsAre(5, 3, 0));
}

TEST(CumSum, GoesAlongItsAxisOnly) {
  const Tensor x = Ints({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(Sums(x, 0, 0, 0), ElementsAre(1, 2, 4, 6));
  EXPECT_THAT(Sums(x, -1, 0, 0), ElementsAre(1, 3, 3, 7));
}

TEST(CumSum, IntegersWrapAround) {
  const Tensor x = Ints({2}, {2147483647, 1}).CastTo(DType::kInt32);
  EXPECT_THAT(Sums(x, 0, 0, 0), ElementsAre(2147483647, -2147483648));
}

TEST(CumSum, RefusesAnAxisOutsideTheRank) {
  Graph graph =
      GraphOf(OpExample("CumSum", "").In(Ramp({2})).Const(Ints({}, {1})));
  EXPECT_THROW(InferShapes(graph), Error);
  graph = GraphOf(OpExample("CumSum", "").In(Ramp({2})).Const(Ints({0}, {})));
  EXPECT_THROW(InferShapes(graph), Error);
}

}  // namespace
}  // namespace squint
