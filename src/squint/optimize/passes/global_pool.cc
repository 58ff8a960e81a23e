// ReduceMean over all spatial axes of an image is GlobalAveragePool, followed
// by Flatten where the axes were dropped. Rank 3 is left: a mean over the last
// axis there is more often a sequence's than a signal's.
#include <algorithm>
#include <numeric>
#include <vector>

#include "squint/ops/op.h"
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

// Axes 2, 3, ..., rank - 1, in any order and spelling.
bool ReducesAllSpatialAxes(const Editor& editor, const Node& node, int rank) {
  const Tensor* constant = editor.Constant(node, 1);
  if (constant == nullptr) return false;
  std::vector<int> axes;
  for (const int64_t axis : constant->ToInts()) {
    axes.push_back(NormalizeAxis(axis, rank));
  }
  std::sort(axes.begin(), axes.end());
  std::vector<int> spatial(static_cast<size_t>(rank - 2));
  std::iota(spatial.begin(), spatial.end(), 2);
  return axes == spatial;
}

int RunGlobalPool(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const int rank = editor.Rank(node.input(0));
    if (!node.Is("ReduceMean") || rank < 4 || editor.IsQuantized(node) ||
        !editor.IsFloat32(node.input(0)) ||
        !ReducesAllSpatialAxes(editor, node, rank)) {
      continue;
    }
    const ValueId x = node.input(0);
    pass.Say("{}", editor.Name(id));
    if (node.Int("keepdims", 1) != 0) {
      editor.Become(id, "GlobalAveragePool", {x});
    } else {
      const ValueId pooled = editor.EmitBefore(id, "GlobalAveragePool", {x});
      editor.Become(id, "Flatten", {pooled}, {{"axis", int64_t{1}}});
    }
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kGlobalPoolPass = {
    .name = "global-pool",
    .summary = "ReduceMean over the spatial axes becomes GlobalAveragePool",
    .run = RunGlobalPool,
};

}  // namespace squint
