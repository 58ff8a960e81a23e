#include "squint/emit/arena.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <random>

namespace squint {
namespace {

constexpr int kShuffles = 200;

int64_t Aligned(int64_t bytes) {
  return (bytes + kArenaAlign - 1) / kArenaAlign * kArenaAlign;
}

bool AtOneTime(const Block& a, const Block& b) {
  return a.first <= b.last && b.first <= a.last;
}

// The lowest offset where `block` overlaps none of `placed`.
int64_t LowestOffset(const Block& block, const std::vector<Block>& placed) {
  std::vector<Block> rivals;
  for (const Block& other : placed) {
    if (AtOneTime(block, other)) rivals.push_back(other);
  }
  std::ranges::sort(rivals, {}, &Block::offset);
  int64_t offset = 0;
  for (const Block& rival : rivals) {
    if (offset + block.bytes <= rival.offset) break;
    offset = std::max(offset, Aligned(rival.offset + rival.bytes));
  }
  return offset;
}

int64_t PlaceInOrder(const std::vector<size_t>& order,
                     std::vector<Block>& blocks) {
  std::vector<Block> placed;
  int64_t total = 0;
  for (const size_t i : order) {
    blocks[i].offset = LowestOffset(blocks[i], placed);
    placed.push_back(blocks[i]);
    total = std::max(total, Aligned(blocks[i].offset + blocks[i].bytes));
  }
  return total;
}

}  // namespace

int64_t MostTaken(const std::vector<Block>& blocks) {
  int64_t most = 0;
  for (const Block& at : blocks) {
    int64_t taken = 0;
    for (const Block& block : blocks) {
      const bool then = block.first <= at.first && at.first <= block.last;
      if (then) taken += Aligned(block.bytes);
    }
    most = std::max(most, taken);
  }
  return most;
}

int64_t PlaceBlocks(std::vector<Block>& blocks) {
  const int64_t bound = MostTaken(blocks);
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) {
    return blocks[a].bytes > blocks[b].bytes;
  });
  std::vector<Block> trial = blocks;
  int64_t best = PlaceInOrder(order, trial);
  blocks = trial;
  std::mt19937 random(1);
  for (int i = 0; i < kShuffles && best > bound; ++i) {
    std::ranges::shuffle(order, random);
    const int64_t total = PlaceInOrder(order, trial);
    if (total >= best) continue;
    best = total;
    blocks = trial;
  }
  return best;
}

}  // namespace squint
