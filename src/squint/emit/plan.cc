#include "squint/emit/plan.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "squint/emit/order.h"

namespace squint {
namespace {

// Gives values their places for one order of steps.
class Planner {
 public:
  Planner(const FixedNetwork& network, std::vector<size_t> order)
      : network_(network),
        roots_(network),
        block_of_(static_cast<size_t>(network.program.graph.num_values()), -1),
        last_read_(block_of_.size(), -1) {
    plan_.order = std::move(order);
  }

  MemoryPlan Draft() {
    FindLastReads();
    for (size_t i = 0; i < network_.inputs.size(); ++i) {
      plan_.places[network_.inputs[i].value] = {Place::Kind::kInput, i, 0};
    }
    for (size_t t = 0; t < plan_.order.size(); ++t) {
      PlaceStep(static_cast<int64_t>(t));
    }
    FindCopies();
    plan_.lower_bound = MostTaken(plan_.blocks, plan_.overlaps);
    plan_.most_live = MostTaken(plan_.blocks);
    return std::move(plan_);
  }

  MemoryPlan Run() {
    plan_ = Draft();
    plan_.arena_bytes = PlaceBlocks(plan_.blocks, plan_.overlaps);
    SetOffsets();
    return std::move(plan_);
  }

 private:
  static size_t At(ValueId id) { return static_cast<size_t>(id); }
  const FixedNode& StepAt(int64_t t) const {
    return network_.steps()[plan_.order[static_cast<size_t>(t)]];
  }

  void FindLastReads() {
    for (size_t t = 0; t < plan_.order.size(); ++t) {
      for (const ValueId id : StepAt(static_cast<int64_t>(t)).inputs) {
        if (id != kNoValue) last_read_[At(id)] = static_cast<int64_t>(t);
      }
    }
    for (const Port& port : network_.outputs) {
      last_read_[At(port.value)] = static_cast<int64_t>(plan_.order.size());
    }
  }

  void PlaceStep(int64_t t) {
    const FixedNode& node = StepAt(t);
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && network_.IsConstant(id)) {
        plan_.places[id] = {Place::Kind::kConstant, 0, 0};
      }
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] != kNoValue) PlaceOutput(node, i, t);
    }
    const auto scratch = static_cast<int64_t>(node.step->scratch_bytes());
    scratch_.push_back(scratch == 0 ? -1 : NewBlock(scratch, t));
  }

  void PlaceOutput(const FixedNode& node, size_t output, int64_t t) {
    const ValueId id = node.outputs[output];
    if (node.step->is_view()) return Share(node.inputs[0], id);
    if (const auto port = OutputPort(id)) {
      plan_.places[id] = {Place::Kind::kOutput, *port, 0};
      return;
    }
    if (const auto over = Overwritten(node, id, t)) return Share(*over, id);
    plan_.places[id] = {Place::Kind::kArena, 0, 0};
    block_of_[At(id)] = NewBlock(network_.BytesOf(id), t);
    Prolong(id);
    if (output == 0) FindOverlaps(node, id, t);
  }

  // The first output that the value, or a view of it, is.
  std::optional<size_t> OutputPort(ValueId id) const {
    for (size_t i = 0; i < network_.outputs.size(); ++i) {
      if (roots_.of(network_.outputs[i].value) == id) return i;
    }
    return std::nullopt;
  }

  void Share(ValueId with, ValueId id) {
    plan_.places[id] = plan_.places.at(with);
    block_of_[At(id)] = block_of_[At(with)];
    Prolong(id);
  }

  int64_t NewBlock(int64_t bytes, int64_t t) {
    plan_.blocks.push_back({bytes, t, t, 0});
    return static_cast<int64_t>(plan_.blocks.size()) - 1;
  }

  void Prolong(ValueId id) {
    const int64_t block = block_of_[At(id)];
    if (block < 0) return;
    int64_t& last = plan_.blocks[static_cast<size_t>(block)].last;
    last = std::max(last, last_read_[At(id)]);
  }

  // The block of an input that nobody reads after this step.
  std::optional<size_t> DyingBlock(ValueId id, int64_t t) const {
    const int64_t block = id == kNoValue ? -1 : block_of_[At(id)];
    if (block < 0 || plan_.blocks[static_cast<size_t>(block)].last != t) {
      return std::nullopt;
    }
    return static_cast<size_t>(block);
  }

  // How far ahead of the block the result must be for all inputs that lie in
  // it; nullopt where it must not overlap.
  std::optional<int64_t> LeadOver(const FixedNode& node, size_t block) const {
    int64_t lead = 0;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue || block_of_[At(id)] != static_cast<int64_t>(block)) {
        continue;
      }
      const auto own = node.step->Lead(i, nullptr);
      if (!own) return std::nullopt;
      lead = std::max(lead, *own);
    }
    return lead;
  }

  // The input whose bytes nobody needs any more and the step may overwrite.
  std::optional<ValueId> Overwritten(const FixedNode& node, ValueId id,
                                     int64_t t) const {
    if (node.outputs[0] != id) return std::nullopt;
    for (const ValueId input : node.inputs) {
      const auto block = DyingBlock(input, t);
      if (block && plan_.blocks[*block].bytes == network_.BytesOf(id) &&
          LeadOver(node, *block) == 0) {
        return input;
      }
    }
    return std::nullopt;
  }

  void FindOverlaps(const FixedNode& node, ValueId id, int64_t t) {
    const auto result = static_cast<size_t>(block_of_[At(id)]);
    std::set<size_t> seen;
    for (const ValueId input : node.inputs) {
      const auto block = DyingBlock(input, t);
      if (!block || !seen.insert(*block).second) continue;
      if (const auto lead = LeadOver(node, *block)) {
        plan_.overlaps.push_back({*block, result, *lead});
      }
    }
  }

  void FindCopies() {
    for (size_t i = 0; i < network_.outputs.size(); ++i) {
      const ValueId id = network_.outputs[i].value;
      const auto found = plan_.places.find(id);
      const bool there = found != plan_.places.end() &&
                         found->second.kind == Place::Kind::kOutput &&
                         found->second.index == i;
      if (there) continue;
      if (network_.IsConstant(id)) {
        plan_.places[id] = {Place::Kind::kConstant, 0, 0};
      }
      plan_.copies.emplace_back(id, i);
    }
  }

  void SetOffsets() {
    for (auto& [id, place] : plan_.places) {
      const int64_t block = block_of_[At(id)];
      if (block < 0) continue;
      place.offset = plan_.blocks[static_cast<size_t>(block)].offset;
    }
    for (const int64_t block : scratch_) {
      plan_.scratch.push_back(
          block < 0 ? -1 : plan_.blocks[static_cast<size_t>(block)].offset);
    }
  }

  const FixedNetwork& network_;
  Roots roots_;
  MemoryPlan plan_;
  std::vector<int64_t> block_of_;   // by value; -1: not in the arena
  std::vector<int64_t> last_read_;  // by value; -1: never
  std::vector<int64_t> scratch_;    // blocks, by position
};

std::vector<size_t> AsTheyStand(const FixedNetwork& network) {
  std::vector<size_t> order(network.steps().size());
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

}  // namespace

MemoryPlan DraftMemory(const FixedNetwork& network) {
  return Planner(network, AsTheyStand(network)).Draft();
}

MemoryPlan PlanMemory(const FixedNetwork& network) {
  MemoryPlan first = Planner(network, AsTheyStand(network)).Run();
  MemoryPlan chosen = Planner(network, ChooseOrder(network)).Run();
  return chosen.arena_bytes < first.arena_bytes ? std::move(chosen)
                                                : std::move(first);
}

}  // namespace squint
