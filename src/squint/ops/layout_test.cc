#include "squint/ops/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/ops/op_examples.h"

namespace squint {
namespace {

using testing::ElementsAre;

TEST(CopyByMaps, AddsTheOffsetsOfEveryAxis) {
  // Rows 1, 0 and columns 2, 0 of [[0 1 2] [3 4 5]].
  const Tensor x = Floats({2, 3}, {0, 1, 2, 3, 4, 5});
  const Tensor y = CopyByMaps(x, {{3, 0}, {2, 0}});
  EXPECT_EQ(y.dims(), (Dims{2, 2}));
  EXPECT_THAT(y.ToFloats(), ElementsAre(5, 3, 2, 0));
}

TEST(CopyByMaps, IdentityMapsCopy) {
  const Tensor x = Ramp({2, 3, 4});
  EXPECT_EQ(CopyByMaps(x, IdentityMaps(x.dims())).ToFloats(), x.ToFloats());
}

TEST(CopyByMaps, AFillOnAnyAxisFills) {
  const Tensor x = Floats({2, 2}, {1, 2, 3, 4});
  const Tensor seven = Floats({}, {7});
  EXPECT_THAT(CopyByMaps(x, {{kFill, 0}, {0, 1, kFill}}, &seven).ToFloats(),
              ElementsAre(7, 7, 7, 1, 2, 7));
  EXPECT_THAT(CopyByMaps(x, {{2}, {kFill, 1}}).ToFloats(), ElementsAre(0, 4));
}

TEST(CopyByMaps, PackedElementsMoveOneByOne) {
  const Tensor x = Floats({3}, {-8, 3, 7}).CastTo(DType::kInt4);
  const Tensor minus = Floats({}, {-1}).CastTo(DType::kInt4);
  const Tensor y = CopyByMaps(x, {{2, 1, kFill, 0}}, &minus);
  EXPECT_EQ(y.dtype(), DType::kInt4);
  EXPECT_THAT(y.ToInts(), ElementsAre(7, 3, -1, -8));
}

TEST(CopyByMaps, AnEmptyAxisGivesNothing) {
  EXPECT_EQ(CopyByMaps(Ramp({2, 3}), {{0, 3}, {}}).dims(), (Dims{2, 0}));
}

TEST(CopyByMaps, AScalarIsItself) {
  EXPECT_THAT(CopyByMaps(Floats({}, {5}), {}).ToFloats(), ElementsAre(5));
}

}  // namespace
}  // namespace squint
