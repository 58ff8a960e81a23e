#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

std::vector<OpExample> Examples_det() {
  return {
      OpExample("Det", "one matrix").In(Ramp({3, 3})).FixedSizes(),
      OpExample("Det", "a batch").In(Ramp({2, 3, 4, 4})),
  };
}

namespace {

using testing::ElementsAre;
using testing::FloatEq;

TEST(Det, IsTheSignedVolume) {
  EXPECT_THAT(FloatsOf(OpExample("Det", "").In(Floats({2, 2}, {1, 2, 3, 4}))),
              ElementsAre(FloatEq(-2)));
  // The first pivot is zero; the second matrix is singular.
  EXPECT_THAT(FloatsOf(OpExample("Det", "").In(
                  Floats({2, 3, 3}, {0, 2, 0, 3, 0, 0, 0, 0, 4,  //
                                     1, 2, 3, 2, 4, 6, 1, 1, 1}))),
              ElementsAre(FloatEq(-24), 0));
}

TEST(Det, OfNoRowsIsOne) {
  EXPECT_THAT(FloatsOf(OpExample("Det", "").In(Ramp({2, 0, 0}))),
              ElementsAre(1, 1));
}

TEST(Det, NeedsSquareMatrices) {
  EXPECT_THROW(RunExample(OpExample("Det", "").In(Ramp({2, 3}))), Error);
  EXPECT_THROW(RunExample(OpExample("Det", "").In(Ramp({2}))), Error);
}

}  // namespace
}  // namespace squint
