#include "squint/runtime/arena.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace squint {
namespace {

// 64 bytes each; the last two lie at one place, the third has none.
const std::vector<Block> kBlocks = {
    {64, 0, 3, 0}, {30, 1, 1, 64}, {10, 2, 2, -1}, {64, 3, 3, 64}};

class ArenaTest : public testing::Test {
 protected:
  std::byte* bytes() { return bytes_->mutable_data(); }

  std::shared_ptr<Buffer> bytes_ = Buffer::Allocate(128);
  std::shared_ptr<ArenaMemory> memory_ =
      std::make_shared<ArenaMemory>(bytes_, true);
  std::shared_ptr<Arena> arena_ = std::make_shared<Arena>(memory_, kBlocks);
};

TEST_F(ArenaTest, HandsOutEachBlockAtItsPlaceWithItsSize) {
  const BufferRef first = arena_->Take(0);
  const BufferRef second = arena_->Take(1);
  EXPECT_EQ(first->data(), bytes());
  EXPECT_EQ(second->data(), bytes() + 64);
  EXPECT_EQ(second->size(), 30u);
  EXPECT_EQ(first.use_count(), 1);
  EXPECT_EQ(arena_->Take(2), nullptr);
}

TEST_F(ArenaTest, HandsOutNothingWhereABlockLives) {
  BufferRef second = arena_->Take(1);
  EXPECT_EQ(arena_->Take(1), nullptr);
  EXPECT_EQ(arena_->Take(3), nullptr);
  const BufferRef copy = second;
  second = nullptr;
  EXPECT_EQ(arena_->Take(3), nullptr);
}

TEST_F(ArenaTest, HandsABlockOutAgainWhenItsLastReferenceDied) {
  for (int i = 0; i < 3; ++i) {
    BufferRef block = arena_->Take(1);
    ASSERT_NE(block, nullptr);
    const std::weak_ptr<const Buffer> weak = block;
    block = nullptr;
    EXPECT_TRUE(weak.expired());
    // The counts are still read, so the block is not free.
    EXPECT_EQ(arena_->Take(1), nullptr);
  }
  EXPECT_NE(arena_->Take(3), nullptr);
}

TEST_F(ArenaTest, ABlockIsInTheWayOfOtherPlansInTheSameMemory) {
  const auto other = std::make_shared<Arena>(
      memory_, std::vector<Block>{{100, 0, 0, 0}, {1, 1, 1, 0}});
  BufferRef second = arena_->Take(1);
  EXPECT_EQ(other->Take(0), nullptr);
  EXPECT_NE(other->Take(1), nullptr);
  second = nullptr;
  EXPECT_NE(other->Take(0), nullptr);
}

TEST_F(ArenaTest, ABlockMayOutliveTheArena) {
  BufferRef block = arena_->Take(0);
  const std::weak_ptr<ArenaMemory> memory = memory_;
  arena_ = nullptr;
  memory_ = nullptr;
  std::memset(bytes(), 7, 64);
  EXPECT_EQ(block->data()[63], std::byte{7});
  EXPECT_FALSE(memory.expired());
  block = nullptr;
  EXPECT_TRUE(memory.expired());
}

TEST_F(ArenaTest, FillsDeadMemoryWithNaNs) {
  std::memset(bytes(), 7, 128);
  BufferRef block = arena_->Take(1);
  EXPECT_EQ(bytes()[63], std::byte{7});
  EXPECT_EQ(bytes()[64], std::byte{0xFF});
  std::memset(bytes(), 7, 128);
  block = nullptr;
  EXPECT_EQ(bytes()[64 + 29], std::byte{0xFF});
  EXPECT_EQ(bytes()[64 + 30], std::byte{7});
}

TEST_F(ArenaTest, BlocksMayDieOnAnotherThread) {
  for (int i = 0; i < 100; ++i) {
    BufferRef first = arena_->Take(0);
    ASSERT_NE(first, nullptr);
    std::jthread other(
        [first = std::move(first)]() mutable { first = nullptr; });
    const BufferRef second = arena_->Take(1);
    EXPECT_NE(second, nullptr);
    while (i % 2 == 0) {
      if (const BufferRef again = arena_->Take(0)) break;
      std::this_thread::yield();
    }
  }
}

}  // namespace
}  // namespace squint
