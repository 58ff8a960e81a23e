#include "squint/emit/peak.h"

#include <set>

#include "squint/emit/patches.h"
#include "squint/graph/user_name.h"

namespace squint {
namespace {

// Bytes of those values that lie in the arena.
int64_t BytesInArena(const FixedNetwork& network, const MemoryPlan& plan,
                     const std::vector<ValueId>& values) {
  const std::set<ValueId> each(values.begin(), values.end());
  int64_t bytes = 0;
  for (const ValueId id : each) {
    if (id == kNoValue) continue;
    const auto place = plan.places.find(id);
    const bool in_arena =
        place != plan.places.end() && place->second.kind == Place::Kind::kArena;
    if (in_arena) bytes += network.BytesOf(id);
  }
  return bytes;
}

}  // namespace

Peak PeakOf(const FixedNetwork& network, const MemoryPlan& plan) {
  Peak peak;
  for (size_t t = 0; t < plan.order.size(); ++t) {
    const int64_t bytes =
        TakenAt(static_cast<int64_t>(t), plan.blocks, plan.overlaps);
    if (bytes <= peak.bytes) continue;
    const FixedNode& node = network.steps()[plan.order[t]];
    const Graph& graph = network.program.graph;
    const NodeId id =
        node.id == kNoNode ? PatchesOf(network)->layers().back().node : node.id;
    peak = {.layer = UserName(graph, graph.node(id)),
            .in_patches = node.id == kNoNode,
            .bytes = bytes,
            .inputs = BytesInArena(network, plan, node.inputs),
            .outputs = BytesInArena(network, plan, node.outputs),
            .scratch = static_cast<int64_t>(node.step->scratch_bytes())};
  }
  return peak;
}

std::string ToString(const Peak& peak) {
  std::string text = fmt::format(
      "layer '{}'{}: it takes {} bytes", peak.layer,
      peak.in_patches ? " and those before it in patches" : "", peak.bytes);
  std::string parts;
  const auto add = [&](int64_t bytes, std::string_view what) {
    if (bytes == 0) return;
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", bytes, what);
  };
  add(peak.inputs, "in what it reads");
  add(peak.outputs, "in its result");
  add(peak.scratch, "to compute in");
  return parts.empty() ? text : fmt::format("{} ({})", text, parts);
}

}  // namespace squint
