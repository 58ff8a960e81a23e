// The plan followed step by step, with the name of the value that every byte
// holds in place of the byte.
#include <algorithm>
#include <string_view>

#include "squint/base/error.h"
#include "squint/emit/plan.h"

namespace squint {
namespace {

constexpr ValueId kScratch = -2;

class Follower {
 public:
  Follower(const FixedNetwork& network, const MemoryPlan& plan)
      : network_(network), plan_(plan) {
    arena_.resize(static_cast<size_t>(plan.arena_bytes), kNoValue);
    for (const Port& port : network.outputs) {
      outputs_.emplace_back(static_cast<size_t>(port.bytes()), kNoValue);
    }
  }

  void Run() {
    Check(plan_.order.size() == network_.steps().size(), "a step is missing");
    for (size_t t = 0; t < plan_.order.size(); ++t) RunStep(t);
    for (const auto& [id, port] : plan_.copies) {
      ExpectHeld(id);
      std::ranges::fill(outputs_[port], NameOf(id));
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      ExpectAll(outputs_[i], NameOf(network_.outputs[i].value),
                "an output is not whole");
    }
  }

 private:
  static void Check(bool holds, std::string_view what) {
    if (!holds) Fail(ErrorCode::kInternal, "memory plan: {}", what);
  }
  static void ExpectAll(std::span<const ValueId> bytes, ValueId id,
                        std::string_view what) {
    Check(std::ranges::all_of(bytes, [&](ValueId b) { return b == id; }), what);
  }

  // What the bytes of a value are called: those of a view by the value it
  // renames.
  ValueId NameOf(ValueId id) const {
    const auto found = renamed_.find(id);
    return found == renamed_.end() ? id : found->second;
  }

  // The bytes where a value lies; empty for those nobody writes.
  std::span<ValueId> BytesOf(ValueId id) {
    const Place& place = plan_.places.at(id);
    const auto size = static_cast<size_t>(network_.BytesOf(id));
    if (place.kind == Place::Kind::kOutput) return outputs_[place.index];
    if (place.kind != Place::Kind::kArena) return {};
    const auto offset = static_cast<size_t>(place.offset);
    Check(offset + size <= arena_.size(), "a value lies beyond the arena");
    return std::span(arena_).subspan(offset, size);
  }

  void ExpectHeld(ValueId id) {
    ExpectAll(BytesOf(id), NameOf(id),
              "a value was overwritten before it is read");
  }

  static bool Overlap(std::span<const ValueId> a, std::span<const ValueId> b) {
    return !a.empty() && !b.empty() && a.data() < b.data() + b.size() &&
           b.data() < a.data() + a.size();
  }

  void RunStep(size_t t) {
    const FixedNode& node = network_.steps()[plan_.order[t]];
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) ExpectHeld(id);
    }
    std::span<ValueId> scratch;
    if (const size_t size = node.step->scratch_bytes(); size > 0) {
      scratch = std::span(arena_).subspan(static_cast<size_t>(plan_.scratch[t]),
                                          size);
    }
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) CheckWritten(node, id, scratch);
    }
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      Check(!Overlap(scratch, BytesOf(id)), "scratch memory lies on an input");
    }
    std::ranges::fill(scratch, kScratch);
    for (const ValueId id : node.outputs) {
      if (id == kNoValue) continue;
      if (node.step->is_view()) renamed_[id] = NameOf(node.inputs[0]);
      std::ranges::fill(BytesOf(id), NameOf(id));
    }
  }

  // A result may lie on an input only where the step allows it, and as far
  // ahead as it asks for. Views are other names of the same bytes, which keep
  // both.
  void CheckWritten(const FixedNode& node, ValueId id,
                    std::span<const ValueId> scratch) {
    const bool is_first = id == node.outputs[0];
    const std::span<const ValueId> result = BytesOf(id);
    Check(!Overlap(result, scratch), "scratch memory lies on a result");
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i] == kNoValue) continue;
      const std::span<const ValueId> input = BytesOf(node.inputs[i]);
      if (!Overlap(result, input)) continue;
      if (node.step->is_view() && result.data() == input.data()) continue;
      const auto lead = node.step->Lead(i, nullptr);
      Check(is_first && lead && input.data() - result.data() >= *lead,
            "a result lies on an input");
    }
  }

  const FixedNetwork& network_;
  const MemoryPlan& plan_;
  std::vector<ValueId> arena_;
  std::vector<std::vector<ValueId>> outputs_;
  std::map<ValueId, ValueId> renamed_;
};

}  // namespace

void VerifyPlan(const FixedNetwork& network, const MemoryPlan& plan) {
  Follower(network, plan).Run();
}

}  // namespace squint
