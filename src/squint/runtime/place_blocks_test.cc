#include "squint/runtime/place_blocks.h"

#include <gtest/gtest.h>

#include <random>

namespace squint {
namespace {

bool AreMixed(const Block& a, const Block& b) {
  const bool then = a.first <= b.last && b.first <= a.last;
  return then && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

TEST(PlaceBlocks, ReusesMemoryOfWhatIsDone) {
  std::vector<Block> chain = {{100, 0, 1}, {60, 1, 2}, {100, 2, 3}};
  EXPECT_EQ(PlaceBlocks(chain), 160);
  EXPECT_EQ(MostTaken(chain), 160);
}

TEST(PlaceBlocks, NeverOverlapsWhatIsTakenAtOneTime) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Block> blocks;
    for (int i = 0; i < 20; ++i) {
      const auto first = static_cast<int64_t>(random() % 20);
      blocks.push_back({static_cast<int64_t>(random() % 90 + 1), first,
                        first + static_cast<int64_t>(random() % 5)});
    }
    const int64_t total = PlaceBlocks(blocks);
    EXPECT_GE(total, MostTaken(blocks));
    for (size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(blocks[i].offset % kArenaAlign, 0);
      EXPECT_LE(blocks[i].offset + blocks[i].bytes, total);
      for (size_t j = 0; j < i; ++j) {
        EXPECT_FALSE(AreMixed(blocks[i], blocks[j])) << i << " " << j;
      }
    }
  }
}

TEST(PlaceBlocks, OfNothingIsNothing) {
  std::vector<Block> none;
  EXPECT_EQ(PlaceBlocks(none), 0);
}

}  // namespace
}  // namespace squint
