// Slices in a row along different axes are one Slice: exporters write one
// for each index of x[:, :, ::2, ::2].
#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "squint/ops/op.h"
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

using Ints = std::vector<int64_t>;

struct SliceSpec {
  Ints starts, ends, axes, steps;
};

std::optional<Ints> Constants(const Editor& editor, const Node& node,
                              size_t input) {
  const Tensor* constant = editor.Constant(node, input);
  return constant == nullptr ? std::nullopt : std::optional(constant->ToInts());
}

std::optional<SliceSpec> ReadSlice(const Editor& editor, const Node& node) {
  const int rank = editor.Rank(node.input(0));
  if (!node.Is("Slice") || editor.IsQuantized(node) || rank < 1) {
    return std::nullopt;
  }
  const auto starts = Constants(editor, node, 1);
  const auto ends = Constants(editor, node, 2);
  if (!starts || !ends) return std::nullopt;
  SliceSpec spec{*starts, *ends, Ints(starts->size()), Ints(starts->size(), 1)};
  std::iota(spec.axes.begin(), spec.axes.end(), 0);
  for (const size_t input : {size_t{3}, size_t{4}}) {
    if (!node.has_input(input)) continue;
    const auto given = Constants(editor, node, input);
    if (!given) return std::nullopt;
    (input == 3 ? spec.axes : spec.steps) = *given;
  }
  for (int64_t& axis : spec.axes) axis = NormalizeAxis(axis, rank);
  return spec;
}

bool Overlap(const Ints& a, const Ints& b) {
  return std::any_of(a.begin(), a.end(), [&](int64_t axis) {
    return std::find(b.begin(), b.end(), axis) != b.end();
  });
}

bool MergeWithInput(Editor& editor, NodeId id, PassContext& pass) {
  Graph& graph = editor.graph();
  auto second = ReadSlice(editor, graph.node(id));
  const ValueId between = graph.node(id).input(0);
  const NodeId before = editor.SoleProducer(between, "Slice");
  if (!second || before == kNoNode) return false;
  const auto first = ReadSlice(editor, graph.node(before));
  if (!first || Overlap(first->axes, second->axes)) return false;
  const auto append = [](Ints& to, const Ints& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(second->starts, first->starts);
  append(second->ends, first->ends);
  append(second->axes, first->axes);
  append(second->steps, first->steps);
  const auto constant = [&](const Ints& values, const char* wish) {
    return editor.AddConstant(
        editor.Name(id) + wish,
        Tensor::Of<int64_t>({static_cast<int64_t>(values.size())}, values));
  };
  pass.Say("{} into {}", editor.Name(before), editor.Name(id));
  editor.MergeNames(id, before);
  editor.Become(
      id, "Slice",
      {graph.node(before).input(0), constant(second->starts, "_starts"),
       constant(second->ends, "_ends"), constant(second->axes, "_axes"),
       constant(second->steps, "_steps")});
  return true;
}

int RunSliceChain(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) MergeWithInput(editor, id, pass);
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kSliceChainPass = {
    .name = "slice-chain",
    .summary = "Slices along different axes in a row become one",
    .run = RunSliceChain,
};

}  // namespace squint
