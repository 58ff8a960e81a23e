// Reshape after Reshape, Squeeze, Unsqueeze, Flatten, or after a Transpose
// that moves only dimensions of size 1 (what a channels-last exporter leaves
// behind a global pool): all of them only rename the elements' indices, so
// the last Reshape reads what the first one read.
#include <array>
#include <vector>

#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

// The permutation keeps the order of all dimensions that are not 1.
bool MovesOnlyOnes(const Graph& graph, const Node& node) {
  const Shape& shape = graph.value(node.input(0)).shape;
  const std::vector<int64_t> perm = node.Ints("perm");
  if (!shape.has_rank() || perm.size() != shape.dims().size()) return false;
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (shape[static_cast<int>(axis)].is(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

bool KeepsElementOrder(const Graph& graph, const Node& node) {
  if (node.Is("Reshape") || node.Is("Squeeze") || node.Is("Unsqueeze") ||
      node.Is("Flatten")) {
    return true;
  }
  return node.Is("Transpose") && MovesOnlyOnes(graph, node);
}

// Zeros of the target copy dimensions of the input: those must be the same.
bool CopiesSame(const Tensor& target, const Shape& a, const Shape& b) {
  const std::vector<int64_t> numbers = target.ToInts();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != 0) continue;
    const auto axis = static_cast<int>(i);
    if (!a.has_rank() || !b.has_rank() || axis >= a.rank() ||
        axis >= b.rank() || !(a[axis] == b[axis])) {
      return false;
    }
  }
  return true;
}

int RunReshapeChain(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.Is("Reshape") || node.Int("allowzero", 0) != 0) continue;
    const Tensor* target = editor.Constant(node, 1);
    const NodeId before = editor.Producer(node.input(0));
    if (target == nullptr || before == kNoNode) continue;
    const Node& first = graph.node(before);
    if (!KeepsElementOrder(graph, first) || editor.IsQuantized(first) ||
        editor.IsQuantized(node) ||
        !CopiesSame(*target, graph.value(first.input(0)).shape,
                    graph.value(node.input(0)).shape)) {
      continue;
    }
    pass.Say("{} into {}", editor.Name(before), editor.Name(id));
    if (editor.SoleReader(node.input(0)) == id) editor.MergeNames(id, before);
    editor.SetInput(id, 0, first.input(0));
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kReshapeChainPass = {
    .name = "reshape-chain",
    .summary = "one Reshape instead of several changes of shape in a row",
    .run = RunReshapeChain,
};

}  // namespace squint
