#include "squint/emit/order.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

namespace squint {
namespace {

constexpr size_t kMostStates = 256;  // sets of one size that are looked at

// Everything that has run, and what that leaves.
struct State {
  std::vector<bool> done;
  std::vector<int> uses;  // still to come, by root
  int64_t taken = 0;
  int64_t peak = 0;
  std::vector<size_t> order;
};

class Search {
 public:
  explicit Search(const FixedNetwork& network)
      : network_(network), steps_(network.steps()), roots_(network) {
    const auto values = static_cast<size_t>(network.program.graph.num_values());
    bytes_.resize(values, 0);
    maker_.resize(values, -1);
    uses_.resize(values, 0);
    for (size_t s = 0; s < steps_.size(); ++s) {
      for (const ValueId id : steps_[s].outputs) {
        if (id == kNoValue) continue;
        maker_[At(id)] = static_cast<int>(s);
        if (roots_.of(id) == id) bytes_[At(id)] = network.BytesOf(id);
      }
      for (const ValueId root : ReadRoots(s)) ++uses_[At(root)];
      leads_.emplace_back();
      for (size_t i = 0; i < steps_[s].inputs.size(); ++i) {
        leads_[s].push_back(steps_[s].step->Lead(i, nullptr));
      }
    }
    // What lies with the caller takes nothing of the arena.
    for (const Port& port : network.outputs) bytes_[Root(port.value)] = 0;
  }

  std::vector<size_t> Run() const {
    std::vector<State> layer = {
        {std::vector<bool>(steps_.size()), uses_, 0, 0, {}}};
    for (size_t i = 0; i < steps_.size(); ++i) {
      std::map<std::vector<bool>, State> next;
      for (const State& state : layer) Expand(state, next);
      layer.clear();
      for (auto& [done, state] : next) layer.push_back(std::move(state));
      std::ranges::stable_sort(layer, Better);
      if (layer.size() > kMostStates) layer.resize(kMostStates);
    }
    return layer.front().order;
  }

 private:
  static size_t At(ValueId id) { return static_cast<size_t>(id); }
  size_t Root(ValueId id) const { return At(roots_.of(id)); }

  static bool Better(const State& a, const State& b) {
    return std::pair(a.peak, a.taken) < std::pair(b.peak, b.taken);
  }

  // Each once, also where a step reads a value twice.
  std::set<ValueId> ReadRoots(size_t step) const {
    std::set<ValueId> read;
    for (const ValueId id : steps_[step].inputs) {
      if (id != kNoValue) read.insert(roots_.of(id));
    }
    return read;
  }

  bool IsReady(const State& state, size_t step) const {
    return std::ranges::all_of(steps_[step].inputs, [&](ValueId id) {
      const int maker = id == kNoValue ? -1 : maker_[At(id)];
      return maker < 0 || state.done[static_cast<size_t>(maker)];
    });
  }

  void Expand(const State& state,
              std::map<std::vector<bool>, State>& next) const {
    for (size_t step = 0; step < steps_.size(); ++step) {
      if (state.done[step] || !IsReady(state, step)) continue;
      State after = After(state, step);
      const auto found = next.find(after.done);
      if (found == next.end()) {
        std::vector<bool> done = after.done;
        next.emplace(std::move(done), std::move(after));
      } else if (Better(after, found->second)) {
        found->second = std::move(after);
      }
    }
  }

  State After(const State& state, size_t step) const {
    State after = state;
    after.done[step] = true;
    after.order.push_back(step);
    const FixedNode& node = steps_[step];
    int64_t made = 0;
    if (!node.step->is_view()) {
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) made += bytes_[At(id)];
      }
    }
    int64_t freed = 0;
    int64_t saved = 0;
    for (const ValueId root : ReadRoots(step)) {
      if (--after.uses[At(root)] > 0) continue;
      freed += bytes_[At(root)];
      saved = std::max(saved, SavedOver(step, root, made));
    }
    for (const ValueId id : node.outputs) {
      if (id != kNoValue && uses_[At(id)] == 0 && roots_.of(id) == id) {
        freed += bytes_[At(id)];
      }
    }
    const auto scratch = static_cast<int64_t>(node.step->scratch_bytes());
    const int64_t during = state.taken + made - saved + scratch;
    after.peak = std::max(after.peak, during);
    after.taken = state.taken + made - freed;
    return after;
  }

  // What the result need not take because it may lie over an input.
  int64_t SavedOver(size_t step, ValueId root, int64_t made) const {
    const FixedNode& node = steps_[step];
    int64_t lead = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue || roots_.of(node.inputs[i]) != root) {
        continue;
      }
      const auto& own = leads_[step][i];
      if (!own) return 0;
      lead = std::max(lead, *own);
    }
    const int64_t input = bytes_[At(root)];
    return std::max<int64_t>(0, made + input - std::max(made, input + lead));
  }

  const FixedNetwork& network_;
  const std::vector<FixedNode>& steps_;
  Roots roots_;
  std::vector<int64_t> bytes_;  // of roots in the arena
  std::vector<std::vector<std::optional<int64_t>>> leads_;  // by step and input
  std::vector<int> maker_;
  std::vector<int> uses_;
};

}  // namespace

Roots::Roots(const FixedNetwork& network)
    : roots_(static_cast<size_t>(network.program.graph.num_values())) {
  std::iota(roots_.begin(), roots_.end(), 0);
  for (const FixedNode& node : network.steps()) {
    if (!node.step->is_view()) continue;
    roots_[static_cast<size_t>(node.outputs[0])] = of(node.inputs[0]);
  }
}

std::vector<size_t> ChooseOrder(const FixedNetwork& network) {
  return Search(network).Run();
}

}  // namespace squint
