#include "squint/fixed/steps/nest.h"

#include <array>
#include <cstddef>
#include <limits>

namespace squint {
namespace {

constexpr size_t kLoops = 5;  // around the run

struct Loop {
  int64_t size = 1;
  int64_t from = 0;
  int64_t to = 0;
};

// How long the moves go on with the steps of the first two.
size_t Progression(const std::vector<Move>& moves, const Loop& step) {
  size_t length = 1;
  while (length < moves.size() &&
         moves[length].from == moves[length - 1].from + step.from &&
         moves[length].to == moves[length - 1].to + step.to) {
    ++length;
  }
  return length;
}

bool Repeats(const std::vector<Move>& moves, const Loop& loop) {
  for (size_t i = 0; i < moves.size(); ++i) {
    const size_t first = i - i % static_cast<size_t>(loop.size);
    const auto n = static_cast<int64_t>(i - first);
    if (moves[i].from != moves[first].from + n * loop.from ||
        moves[i].to != moves[first].to + n * loop.to) {
      return false;
    }
  }
  return true;
}

// The innermost loop of all moves, as long as it can be; leaves the first move
// of each of its turns.
std::optional<Loop> TakeLoop(std::vector<Move>& moves) {
  Loop loop = {1, moves[1].from - moves[0].from, moves[1].to - moves[0].to};
  loop.size = static_cast<int64_t>(Progression(moves, loop));
  const auto size = static_cast<size_t>(loop.size);
  if (moves.size() % size != 0 || !Repeats(moves, loop)) return std::nullopt;
  std::vector<Move> outer;
  for (size_t i = 0; i < moves.size(); i += size) outer.push_back(moves[i]);
  moves = std::move(outer);
  return loop;
}

bool Fits(int64_t value) {
  return value >= std::numeric_limits<int32_t>::min() &&
         value <= std::numeric_limits<int32_t>::max();
}

}  // namespace

std::optional<squint_copy_shape> NestOf(std::vector<Move> moves) {
  if (moves.empty()) return std::nullopt;
  int64_t run = 1;
  std::vector<Loop> loops;  // innermost first
  while (moves.size() > 1) {
    const auto loop = TakeLoop(moves);
    if (!loop) return std::nullopt;
    const bool together =
        loops.empty() && run == 1 && loop->from == 1 && loop->to == 1;
    if (together) {
      run = loop->size;
    } else {
      loops.push_back(*loop);
    }
  }
  if (loops.size() > kLoops) return std::nullopt;
  loops.resize(kLoops);
  const auto at = [&](size_t i) { return loops[kLoops - 1 - i]; };
  const auto whole = [](int64_t value) { return static_cast<int32_t>(value); };
  for (const Loop& loop : loops) {
    if (!Fits(loop.size) || !Fits(loop.from) || !Fits(loop.to)) {
      return std::nullopt;
    }
  }
  return squint_copy_shape{.size_0 = whole(at(0).size),
                           .size_1 = whole(at(1).size),
                           .size_2 = whole(at(2).size),
                           .size_3 = whole(at(3).size),
                           .size_4 = whole(at(4).size),
                           .run = whole(run),
                           .x_start = whole(moves[0].from),
                           .x_0 = whole(at(0).from),
                           .x_1 = whole(at(1).from),
                           .x_2 = whole(at(2).from),
                           .x_3 = whole(at(3).from),
                           .x_4 = whole(at(4).from),
                           .y_start = whole(moves[0].to),
                           .y_0 = whole(at(0).to),
                           .y_1 = whole(at(1).to),
                           .y_2 = whole(at(2).to),
                           .y_3 = whole(at(3).to),
                           .y_4 = whole(at(4).to)};
}

}  // namespace squint
