#include "squint/emit/ram_limit.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "squint/base/error.h"
#include "squint/emit/patches.h"
#include "squint/emit/peak.h"
#include "squint/emit/segment.h"

namespace squint {
namespace {

// Patches along an axis; more only compute borders.
constexpr int64_t kMostPlaces = 16;
// Rectangles are squares, nearly: those have the shortest edges. This much
// longer than wide, or the other way round, at most.
constexpr int64_t kMostStretch = 2;
// Best bounds that are planned to the end when no choice meets the limit.
constexpr size_t kMostPlanned = 24;

struct Choice {
  size_t segment = 0;
  PatchGrid grid;
  int64_t extra_macs = 0;
  int64_t bound = 0;  // of the arena
};

// Numbers of parts that give parts of different sizes.
std::vector<int64_t> Counts(int64_t size) {
  std::vector<int64_t> counts;
  int64_t before = 0;
  for (int64_t n = 1; n <= std::min(size, kMostPlaces); ++n) {
    const int64_t part = (size + n - 1) / n;
    if (part != before) counts.push_back(n);
    before = part;
  }
  return counts;
}

// Between the grids that cut along one axis alone, those with square parts.
std::vector<PatchGrid> Grids(const ImageSize& image) {
  std::vector<PatchGrid> grids;
  for (const int64_t rows : Counts(image.height)) {
    for (const int64_t columns : Counts(image.width)) {
      const int64_t height = image.height * columns;
      const int64_t width = image.width * rows;
      const bool in_line = rows == 1 || columns == 1;
      const bool square =
          std::max(height, width) <= kMostStretch * std::min(height, width);
      if (rows * columns > 1 && (in_line || square)) {
        grids.push_back({rows, columns});
      }
    }
  }
  return grids;
}

class Search {
 public:
  Search(const FixedNetwork& network, const MemoryPlan& plan, int64_t limit)
      : network_(InOrder(network, plan)), limit_(limit) {
    segments_ = FindSegments(network_);
    for (size_t i = 0; i < segments_.size(); ++i) AddChoices(i);
  }

  // The cheapest choice that meets the limit.
  std::optional<FixedNetwork> Cheapest() {
    std::ranges::stable_sort(choices_, {}, [](const Choice& c) {
      return std::tuple(c.extra_macs, c.grid.rows * c.grid.columns);
    });
    for (const Choice& choice : choices_) {
      if (choice.bound > limit_) continue;
      FixedNetwork patched = Apply(choice);
      if (PlanMemory(patched).arena_bytes <= limit_) return patched;
    }
    return std::nullopt;
  }

  // The choice with the smallest arena; nullopt where there is none.
  std::optional<FixedNetwork> Smallest() {
    std::ranges::stable_sort(choices_, {}, &Choice::bound);
    std::optional<FixedNetwork> best;
    int64_t least = std::numeric_limits<int64_t>::max();
    for (size_t i = 0; i < std::min(choices_.size(), kMostPlanned); ++i) {
      if (choices_[i].bound >= least) break;
      FixedNetwork patched = Apply(choices_[i]);
      const int64_t bytes = PlanMemory(patched).arena_bytes;
      if (bytes >= least) continue;
      least = bytes;
      best = std::move(patched);
    }
    return best;
  }

 private:
  static FixedNetwork InOrder(const FixedNetwork& network,
                              const MemoryPlan& plan) {
    FixedNetwork ordered = network;
    for (size_t t = 0; t < plan.order.size(); ++t) {
      ordered.program.nodes[t] = network.program.nodes[plan.order[t]];
    }
    return ordered;
  }

  void AddChoices(size_t index) {
    const Segment& segment = segments_[index];
    // What the network takes besides the memory of the patches.
    PatchDraft nothing;
    nothing.inputs = {segment.entry};
    const MemoryPlan rest =
        DraftMemory(WithPatches(network_, segment, std::move(nothing)));
    const int64_t around = TakenAt(static_cast<int64_t>(segment.first),
                                   rest.blocks, rest.overlaps);
    for (const PatchGrid& grid : Grids(segment.images.at(segment.exit))) {
      const PatchDraft draft = DraftPatches(network_, segment, grid);
      const int64_t within = MostTaken(draft.blocks, draft.overlaps);
      choices_.push_back({index, grid, draft.extra_macs(),
                          std::max(rest.lower_bound, around + within)});
    }
  }

  FixedNetwork Apply(const Choice& choice) const {
    const Segment& segment = segments_[choice.segment];
    return WithPatches(network_, segment,
                       DraftPatches(network_, segment, choice.grid));
  }

  FixedNetwork network_;
  int64_t limit_;
  std::vector<Segment> segments_;
  std::vector<Choice> choices_;
};

}  // namespace

std::optional<FixedNetwork> MeetRamLimit(const FixedNetwork& network,
                                         const MemoryPlan& plan,
                                         int64_t limit) {
  if (plan.arena_bytes <= limit) return std::nullopt;
  Search search(network, plan, limit);
  if (auto patched = search.Cheapest()) return patched;
  const std::optional<FixedNetwork> smallest = search.Smallest();
  const MemoryPlan best = smallest ? PlanMemory(*smallest) : plan;
  const bool helped = best.arena_bytes < plan.arena_bytes;
  const FixedNetwork& chosen = helped ? *smallest : network;
  const MemoryPlan& least = helped ? best : plan;
  Fail(ErrorCode::kBudgetNotMet,
       "the RAM limit of {} bytes cannot be met: the least arena takes {}, {} "
       "too many{}; in the way is {}",
       limit, least.arena_bytes, least.arena_bytes - limit,
       helped ? ", with layers in patches" : "",
       ToString(PeakOf(chosen, least)));
}

}  // namespace squint
