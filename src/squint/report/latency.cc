#include "squint/report/latency.h"

#include <algorithm>
#include <limits>

namespace squint {
namespace {

constexpr size_t kFewestTurns = 3;

// `turns` by `others`, least first.
size_t TurnsCounted(const std::vector<Turn>& turns) {
  const auto clean = static_cast<size_t>(std::ranges::count_if(
      turns, [](const Turn& turn) { return turn.others < kCleanOthers; }));
  if (clean >= kFewestTurns) return clean;
  return std::min(turns.size(), std::max(kFewestTurns, turns.size() / 3));
}

}  // namespace

double Median(std::vector<double> numbers) {
  if (numbers.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle =
      numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::ranges::nth_element(numbers, middle);
  if (numbers.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(numbers.begin(), middle)) / 2;
}

Turn TurnOf(const std::vector<double>& seconds, double others) {
  Turn turn;
  turn.median = Median(seconds);
  turn.best = seconds.empty() ? 0 : std::ranges::min(seconds);
  turn.runs = static_cast<int64_t>(seconds.size());
  turn.others = std::max(0.0, others);
  return turn;
}

Latency LatencyOf(std::vector<Turn> turns) {
  std::ranges::stable_sort(turns, {}, &Turn::others);
  turns.resize(TurnsCounted(turns));
  Latency latency;
  if (turns.empty()) return latency;
  std::vector<double> medians;
  std::vector<double> others;
  latency.best = turns[0].best;
  for (const Turn& turn : turns) {
    medians.push_back(turn.median);
    others.push_back(turn.others);
    latency.best = std::min(latency.best, turn.best);
    latency.runs += turn.runs;
  }
  latency.median = Median(medians);
  latency.low = std::ranges::min(medians);
  latency.high = std::ranges::max(medians);
  latency.turns = static_cast<int64_t>(turns.size());
  latency.others = Median(others);
  latency.clean = turns.back().others < kCleanOthers;
  return latency;
}

}  // namespace squint
