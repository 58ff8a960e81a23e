#include "squint/ops/broadcast.h"

#include <gtest/gtest.h>

#include <vector>

#include "squint/base/error.h"

namespace squint {
namespace {

// The offsets of both operands for every result element, by the row walk.
struct Pairs {
  std::vector<int64_t> a;
  std::vector<int64_t> b;
  int rows = 0;
};

Pairs Walk(const Dims& a, const Dims& b) {
  const Dims out = BroadcastDims(a, b);
  Pairs pairs;
  int64_t expected = 0;
  ForEachBroadcastRow<2>(out, {&a, &b}, [&](const BroadcastRow<2>& row) {
    EXPECT_EQ(row.out, expected);
    expected += row.length;
    ++pairs.rows;
    for (int64_t i = 0; i < row.length; ++i) {
      pairs.a.push_back(row.offset[0] + i * row.stride[0]);
      pairs.b.push_back(row.offset[1] + i * row.stride[1]);
    }
  });
  EXPECT_EQ(expected, ElementCount(out));
  return pairs;
}

TEST(Broadcast, ShapesAlignAtTheEnd) {
  EXPECT_EQ(BroadcastDims({2, 1, 4}, {3, 1}), (Dims{2, 3, 4}));
  EXPECT_EQ(BroadcastDims({}, {}), (Dims{}));
  EXPECT_EQ(BroadcastDims({0}, {1}), (Dims{0}));
  EXPECT_THROW(BroadcastDims({2}, {3}), Error);
}

TEST(Broadcast, EveryElementMeetsItsPartner) {
  const Pairs pairs = Walk({2, 1, 3}, {2, 1});
  EXPECT_EQ(pairs.a,
            (std::vector<int64_t>{0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5}));
  EXPECT_EQ(pairs.b,
            (std::vector<int64_t>{0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1}));
}

// So that a per-channel operand [C, 1, 1] is one number for a whole row.
TEST(Broadcast, AxesOfOneDoNotCutRows) {
  EXPECT_EQ(Walk({2, 3, 4, 1}, {2, 3, 4, 1}).rows, 6);
  EXPECT_EQ(Walk({5, 1, 1}, {1}).rows, 1);
}

TEST(Broadcast, ScalarsAndEmptyTensorsWork) {
  EXPECT_EQ(Walk({}, {}).a, (std::vector<int64_t>{0}));
  EXPECT_EQ(Walk({1, 1}, {1}).rows, 1);
  EXPECT_EQ(Walk({0, 3}, {3}).rows, 0);
}

}  // namespace
}  // namespace squint
