#include "squint/runtime/split_in_place.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/runtime/channel_readers.h"

namespace squint {
namespace {

struct Part {
  ValueId value;
  int64_t first;
  int64_t count;
};

// The parts that have readers, of a Split of the channels of an 8-bit image;
// none where it is none or sizes are not known.
std::vector<Part> PartsOf(const Graph& graph, const UseMap& uses,
                          const Node& split) {
  const Value& x = graph.value(split.input(0));
  if (!split.Is("Split") || !IsByte(x.dtype) || !x.shape.has_rank()) return {};
  const int rank = x.shape.rank();
  if (rank < 3 || NormalizeAxis(split.Int("axis", 0), rank) != rank - 1) {
    return {};
  }
  std::vector<Part> parts;
  int64_t first = 0;
  for (const ValueId id : split.outputs) {
    if (id == kNoValue || !graph.value(id).shape.has_rank()) return {};
    const auto count = graph.value(id).shape.dims().back().value();
    if (!count || *count == 0) return {};
    if (!uses.of(id).empty()) parts.push_back({id, first, *count});
    first += *count;
  }
  return parts;
}

// A part as a copy.
void SliceOff(Graph& graph, NodeId split, const Part& part) {
  const auto list = [&](std::string_view name, int64_t i) {
    return graph.AddConstant(name, Tensor::Of<int64_t>({1}, {i}));
  };
  Node made;
  made.op_type = "Slice";
  made.name = graph.value(part.value).name + "_Slice";
  made.inputs = {graph.node(split).input(0), list("start", part.first),
                 list("end", part.first + part.count), list("axis", -1)};
  made.outputs = {part.value};
  graph.InsertAfter(split, std::move(made));
}

}  // namespace

void ReadSplitsInPlace(Graph& graph) {
  const UseMap uses(graph);
  for (const NodeId id : graph.order()) {
    std::vector<Part> parts = PartsOf(graph, uses, graph.node(id));
    const auto others = std::ranges::partition(parts, [&](const Part& part) {
      return std::ranges::all_of(uses.of(part.value), [&](const Use& use) {
        return CanReadChannels(graph, use);
      });
    });
    if (others.begin() == parts.begin()) continue;
    const ValueId whole = graph.node(id).input(0);
    for (const Part& part : std::span(parts.begin(), others.begin())) {
      for (const Use& use : uses.of(part.value)) {
        ReadChannels(graph.node(use.node), whole, part.first, part.count);
      }
    }
    graph.RemoveNode(id);
    for (const Part& part : others) SliceOff(graph, id, part);
  }
  graph.Compact();
}

}  // namespace squint
