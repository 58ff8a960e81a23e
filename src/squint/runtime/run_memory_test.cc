// Runs are played by a schedule of blocks. Each block is filled with a number
// of its own and looked at when it dies: nothing else may have been there.
#include "squint/runtime/run_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>

namespace squint {
namespace {

constexpr size_t kLimit = size_t{1} << 30;

// A block that dies behind `lives` more were taken; kept beyond the run where
// that is not within it.
struct Request {
  size_t bytes;
  size_t lives;
};
using Schedule = std::vector<Request>;

const std::vector<int64_t> kKey = {1, 2, 3};

std::byte* BytesOf(const BufferRef& block) {
  return const_cast<std::byte*>(block->data());
}

bool IsFilled(const BufferRef& block, int number) {
  return std::all_of(block->data(), block->data() + block->size(),
                     [&](std::byte b) { return b == std::byte(number); });
}

class RunMemoryTest : public testing::Test {
 protected:
  // Returns what is kept.
  std::vector<BufferRef> Play(const Schedule& schedule,
                              const std::vector<int64_t>& key = kKey) {
    memory_.BeginRun(key);
    std::map<size_t, BufferRef> alive;
    const auto is_dead = [&](size_t block, size_t now) {
      return block + schedule[block].lives < now;
    };
    for (size_t now = 0; now < schedule.size(); ++now) {
      Drop(alive, [&](size_t block) { return is_dead(block, now); });
      BufferRef block = memory_.TakeBytes(schedule[now].bytes);
      EXPECT_EQ(block->size(), schedule[now].bytes);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block->data()) % 64, 0u);
      EXPECT_TRUE(IsFilled(block, 0xFF)) << "not poisoned";
      std::memset(BytesOf(block), static_cast<int>(now % 251), block->size());
      alive[now] = std::move(block);
    }
    Drop(alive, [&](size_t block) { return is_dead(block, schedule.size()); });
    memory_.EndRun();
    std::vector<BufferRef> kept;
    for (auto& [number, block] : alive) kept.push_back(std::move(block));
    return kept;
  }

  size_t bytes_held() const {
    return memory_.pool().bytes_in_use() + memory_.pool().bytes_free();
  }

  RunMemory memory_{kLimit, true};

 private:
  template <typename IsDead>
  static void Drop(std::map<size_t, BufferRef>& alive, const IsDead& is_dead) {
    std::erase_if(alive, [&](const auto& entry) {
      const auto& [number, block] = entry;
      if (!is_dead(number)) return false;
      EXPECT_TRUE(IsFilled(block, static_cast<int>(number % 251)))
          << "block " << number << " was written over";
      return true;
    });
  }
};

// A chain: each block is read by the one behind it.
const Schedule kChain = {{6400, 1}, {640, 1}, {6400, 1}, {64, 1}, {6400, 0}};
constexpr size_t kChainBytes = 6400 + 640;

TEST_F(RunMemoryTest, HoldsTheArenaAloneFromTheSecondRunOn) {
  Play(kChain);
  EXPECT_EQ(memory_.arena_use().bytes, 0u);
  EXPECT_GT(bytes_held(), kChainBytes);
  for (int run = 0; run < 3; ++run) {
    Play(kChain);
    EXPECT_EQ(memory_.arena_use().bytes, kChainBytes);
    EXPECT_EQ(memory_.arena_use().lower_bound, kChainBytes);
    EXPECT_EQ(bytes_held(), kChainBytes);
  }
}

TEST_F(RunMemoryTest, NeverGivesMemoryThatIsTaken) {
  std::mt19937 random(3);
  for (int round = 0; round < 30; ++round) {
    Schedule schedule;
    for (int i = 0; i < 60; ++i) {
      const size_t lives = random() % 10 == 0 ? 20 : random() % 3;
      schedule.push_back({random() % 5000, lives});
    }
    schedule.push_back({64, 1});  // kept
    const std::vector<int64_t> key = {round};
    for (int run = 0; run < 3; ++run) Play(schedule, key);
    const ArenaUse use = memory_.arena_use();
    EXPECT_GT(use.lower_bound, 0u);
    EXPECT_GE(use.bytes, use.lower_bound);
    EXPECT_LE(static_cast<double>(use.bytes),
              1.15 * static_cast<double>(use.lower_bound));
  }
}

TEST_F(RunMemoryTest, WhatOutlivesItsRunIsNotInTheArena) {
  Schedule schedule = kChain;
  schedule.push_back({12800, 1});
  std::vector<std::vector<BufferRef>> kept;
  for (int run = 0; run < 4; ++run) kept.push_back(Play(schedule));
  EXPECT_EQ(memory_.arena_use().bytes, kChainBytes);
  EXPECT_EQ(bytes_held(), kChainBytes + 4 * 12800);
  for (const auto& blocks : kept) EXPECT_TRUE(IsFilled(blocks.at(0), 5));
}

TEST_F(RunMemoryTest, GoesAroundABlockThatIsKept) {
  Play(kChain);
  Schedule keeping = kChain;
  keeping[2].lives = 100;
  const std::vector<BufferRef> kept = Play(keeping);
  ASSERT_EQ(kept.size(), 1u);
  for (int run = 0; run < 3; ++run) {
    Play(kChain);
    EXPECT_TRUE(IsFilled(kept[0], 2));
    EXPECT_EQ(memory_.arena_use().bytes, kChainBytes);
  }
}

TEST_F(RunMemoryTest, LeavesARunThatStraysToThePool) {
  Play(kChain);
  Play(kChain);
  Schedule other = kChain;
  other[1].bytes = 6000;
  Play(other);
  EXPECT_EQ(memory_.arena_use().bytes, 0u);
  Play(kChain);
  EXPECT_EQ(memory_.arena_use().bytes, 0u);
  EXPECT_GT(bytes_held(), kChainBytes);
}

TEST_F(RunMemoryTest, ARunMayAskForMoreThanWasNoted) {
  Play(kChain);
  Schedule longer = kChain;
  longer.push_back({100, 0});
  Play(longer);
  EXPECT_EQ(memory_.arena_use().bytes, 0u);
}

TEST_F(RunMemoryTest, PlansAgainWhereANotedRunFailed) {
  memory_.BeginRun(kKey);
  memory_.TakeBytes(10);
  Play(kChain);
  Play(kChain);
  EXPECT_EQ(memory_.arena_use().bytes, kChainBytes);
}

TEST_F(RunMemoryTest, ARunThatFailedInTheArenaDoesNotHarmTheNext) {
  Play(kChain);
  memory_.BeginRun(kKey);
  memory_.TakeBytes(kChain[0].bytes);
  Play(kChain);
  EXPECT_EQ(memory_.arena_use().bytes, kChainBytes);
}

TEST_F(RunMemoryTest, RemembersThePlansOfTheLastEightKeys) {
  for (int64_t key = 0; key < 9; ++key) Play(kChain, {key});
  for (const int64_t key : {1, 3, 8}) {
    Play(kChain, {key});
    EXPECT_EQ(memory_.arena_use().bytes, kChainBytes) << key;
  }
  Play(kChain, {0});
  EXPECT_EQ(memory_.arena_use().bytes, 0u);
}

TEST_F(RunMemoryTest, PlansOfSeveralKeysShareTheMemory) {
  const Schedule wide = {{64000, 0}, {64000, 0}};
  for (int run = 0; run < 4; ++run) {
    Play(kChain, {1});
    Play(wide, {2});
  }
  EXPECT_EQ(bytes_held(), 64000u);
}

TEST_F(RunMemoryTest, KeepsNoMemoryThatIsFarTooLarge) {
  for (int run = 0; run < 2; ++run) Play(kChain, {1});
  for (int run = 0; run < 2; ++run) {
    memory_.BeginRun(std::vector<int64_t>{2});
    memory_.TakeBytes(size_t{40} << 20);
    memory_.EndRun();
  }
  EXPECT_EQ(bytes_held(), size_t{40} << 20);
  Play(kChain, {1});
  EXPECT_EQ(bytes_held(), kChainBytes);
}

TEST_F(RunMemoryTest, HasNoArenaWithoutAKey) {
  Play(kChain);
  Play(kChain);
  Play(kChain, {});
  EXPECT_EQ(memory_.arena_use().bytes, 0u);
  Play(kChain);
  EXPECT_EQ(memory_.arena_use().bytes, kChainBytes);
}

TEST_F(RunMemoryTest, DoesNotPlanTheTripsOfLongLoops) {
  const Schedule loop(2000, {64, 0});
  for (int run = 0; run < 3; ++run) Play(loop);
  EXPECT_EQ(memory_.arena_use().bytes, 0u);
  EXPECT_EQ(bytes_held(), 64u);
}

TEST(RunMemory, RefusesABlockBeyondTheLimitAndMakesNoArenaBeyondIt) {
  RunMemory memory(1000);
  for (int run = 0; run < 3; ++run) {
    memory.BeginRun(kKey);
    BufferRef first = memory.TakeBytes(600);
    BufferRef second = memory.TakeBytes(600);
    first = second = nullptr;
    EXPECT_EQ(memory.arena_use().bytes, 0u);
    try {
      memory.TakeBytes(1001);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kOutOfMemory);
    }
    memory.EndRun();
  }
}

TEST(RunMemory, TensorsMayOutliveIt) {
  Tensor kept;
  {
    RunMemory memory(kLimit, true);
    for (int run = 0; run < 2; ++run) {
      memory.BeginRun(kKey);
      Tensor block = memory.Take(DType::kFloat32, {4, 5});
      if (run == 1) kept = std::move(block);
      block = Tensor();
      memory.EndRun();
    }
    EXPECT_EQ(memory.arena_use().bytes, 128u);
    *reinterpret_cast<float*>(BufferPool::Writable(kept)) = 7.0f;
  }
  EXPECT_EQ(kept.data<float>()[0], 7.0f);
}

}  // namespace
}  // namespace squint
