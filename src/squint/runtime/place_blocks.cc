#include "squint/runtime/place_blocks.h"

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <span>

namespace squint {
namespace {

constexpr int kTrials = 200;  // of orders that are random, and near the best
constexpr int kSwaps = 2;     // from the best order to one near it

int64_t Aligned(int64_t bytes) {
  return (bytes + kArenaAlign - 1) / kArenaAlign * kArenaAlign;
}

bool AtOneTime(const Block& a, const Block& b) {
  return a.first <= b.last && b.first <= a.last;
}

// A block that another one must keep clear of: the other begins at least
// `below` bytes before it or `above` behind its beginning.
struct Rival {
  size_t block = 0;
  int64_t below = 0;
  int64_t above = 0;
};

class Placer {
 public:
  Placer(std::vector<Block> blocks, const std::vector<Overlap>& overlaps)
      : blocks_(std::move(blocks)), rivals_(blocks_.size()) {
    for (size_t i = 0; i < blocks_.size(); ++i) {
      for (size_t k = 0; k < blocks_.size(); ++k) {
        if (i == k || !AtOneTime(blocks_[i], blocks_[k])) continue;
        rivals_[i].push_back({k, blocks_[i].bytes, blocks_[k].bytes});
      }
    }
    for (const Overlap& o : overlaps) {
      int64_t& below = RivalOf(o.result, o.input).below;
      int64_t& above = RivalOf(o.input, o.result).above;
      below = std::min(below, o.lead);
      above = std::min(above, o.lead);
    }
  }

  int64_t Place(const std::vector<size_t>& order) {
    std::vector<bool> placed(blocks_.size());
    int64_t total = 0;
    for (const size_t i : order) {
      blocks_[i].offset = LowestOffset(i, placed);
      placed[i] = true;
      total = std::max(total, Aligned(blocks_[i].offset + blocks_[i].bytes));
    }
    return total;
  }

  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  Rival& RivalOf(size_t block, size_t other) {
    return *std::ranges::find(rivals_[block], other, &Rival::block);
  }

  // The lowest offset that is in none of the ranges that rivals forbid.
  int64_t LowestOffset(size_t i, const std::vector<bool>& placed) {
    forbidden_.clear();
    for (const Rival& rival : rivals_[i]) {
      if (!placed[rival.block]) continue;
      const int64_t at = blocks_[rival.block].offset;
      forbidden_.emplace_back(at - rival.below, Aligned(at + rival.above));
    }
    std::ranges::sort(forbidden_);
    int64_t offset = 0;
    for (const auto& [begin, end] : forbidden_) {
      if (offset <= begin) break;
      offset = std::max(offset, end);
    }
    return offset;
  }

  std::vector<Block> blocks_;
  std::vector<std::vector<Rival>> rivals_;  // of each block
  // What is strictly between is no offset for the block at hand.
  std::vector<std::pair<int64_t, int64_t>> forbidden_;
};

// What the least places for a result and the inputs it may lie over save.
int64_t SavedBy(const Block& result, std::span<const Overlap> overlaps,
                const std::vector<Block>& blocks) {
  const int64_t own = Aligned(result.bytes);
  int64_t inputs = 0;
  int64_t least = own;
  for (const Overlap& o : overlaps) {
    const int64_t input = Aligned(blocks[o.input].bytes);
    inputs += input;
    least = std::max(least, input + std::min(Aligned(o.lead), own));
  }
  return own + inputs - std::max(least, inputs);
}

}  // namespace

int64_t TakenAt(int64_t t, const std::vector<Block>& blocks,
                const std::vector<Overlap>& overlaps) {
  int64_t taken = 0;
  for (const Block& block : blocks) {
    if (block.first <= t && t <= block.last) taken += Aligned(block.bytes);
  }
  std::map<size_t, std::vector<Overlap>> of_result;
  for (const Overlap& o : overlaps) {
    if (blocks[o.result].first == t) of_result[o.result].push_back(o);
  }
  for (const auto& [result, own] : of_result) {
    taken -= SavedBy(blocks[result], own, blocks);
  }
  return taken;
}

int64_t MostTaken(const std::vector<Block>& blocks,
                  const std::vector<Overlap>& overlaps) {
  int64_t most = 0;
  for (const Block& block : blocks) {
    most = std::max(most, TakenAt(block.first, blocks, overlaps));
  }
  return most;
}

int64_t PlaceBlocks(std::vector<Block>& blocks,
                    const std::vector<Overlap>& overlaps) {
  if (blocks.empty()) return 0;
  const int64_t bound = MostTaken(blocks, overlaps);
  Placer placer(blocks, overlaps);
  int64_t best = std::numeric_limits<int64_t>::max();
  std::vector<size_t> best_order;
  const auto attempt = [&](const std::vector<size_t>& order) {
    if (best == bound) return;
    const int64_t total = placer.Place(order);
    if (total >= best) return;
    best = total;
    best_order = order;
    blocks = placer.blocks();
  };
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](size_t i) { return blocks[i].bytes; });
  attempt(order);
  // Of a chain where each result lies a little before its input, the last one
  // comes first.
  std::ranges::stable_sort(order, std::ranges::greater(),
                           [&](size_t i) { return blocks[i].first; });
  attempt(order);
  std::mt19937 random(1);
  for (int i = 0; i < kTrials && best > bound; ++i) {
    std::ranges::shuffle(order, random);
    attempt(order);
    std::vector<size_t> near = best_order;
    for (int swap = 0; swap < kSwaps; ++swap) {
      std::swap(near[random() % near.size()], near[random() % near.size()]);
    }
    attempt(near);
  }
  return best;
}

}  // namespace squint
