#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_trilu() {
  return {
      OpExample("Trilu", "upper").In(Ramp({2, 3, 4})),
      OpExample("Trilu", "lower, above the diagonal")
          .In(Ramp({4, 3}, 1, 2))
          .Const(Ints({}, {1}))
          .Set("upper", int64_t{0})
          .FixedSizes(),
      OpExample("Trilu", "truth values")
          .In(Ints({2, 2}, {1, 1, 1, 1}).CastTo(DType::kBool)),
      OpExample("Trilu", "no columns").In(Ramp({2, 0})),
  };
}

namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<int64_t> Triangle(int64_t upper, int64_t k) {
  return RunExample(OpExample("Trilu", "")
                        .In(Ints({2, 3}, {1, 2, 3, 4, 5, 6}))
                        .Const(Ints({}, {k}))
                        .Set("upper", upper))[0]
      .ToInts();
}

TEST(Trilu, KeepsTheDiagonalOnBothSides) {
  EXPECT_THAT(Triangle(1, 0), ElementsAre(1, 2, 3, 0, 5, 6));
  EXPECT_THAT(Triangle(0, 0), ElementsAre(1, 0, 0, 4, 5, 0));
}

TEST(Trilu, KMovesTheBorderToTheRight) {
  EXPECT_THAT(Triangle(1, 1), ElementsAre(0, 2, 3, 0, 0, 6));
  EXPECT_THAT(Triangle(0, 1), ElementsAre(1, 2, 0, 4, 5, 6));
  EXPECT_THAT(Triangle(1, -1), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(Triangle(0, -1), ElementsAre(0, 0, 0, 4, 0, 0));
}

TEST(Trilu, FarDiagonalsKeepAllOrNothing) {
  EXPECT_THAT(Triangle(1, INT64_MAX), Each(0));
  EXPECT_THAT(Triangle(0, INT64_MAX), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(Triangle(1, INT64_MIN), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(Triangle(0, INT64_MIN), Each(0));
}

TEST(Trilu, NeedsAMatrix) {
  EXPECT_THROW(RunExample(OpExample("Trilu", "").In(Ramp({3}))), Error);
}

}  // namespace
}  // namespace squint
