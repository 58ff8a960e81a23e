// Nodes of domain `squint` that optimizations recognise, written out in the
// standard operators that runtimes fuse.
#include "squint/interchange/interchange.h"
#include "squint/interchange/replacement.h"
#include "squint/interchange/scan_steps.h"
#include "squint/ops/recurrent_steps.h"

namespace squint {
namespace {

// SiLU(x) = x * Sigmoid(x).
void ExpandSilu(Graph& graph, NodeId id) {
  Replacement silu(graph, id);
  silu.Last("Mul", {silu.in(0), silu.Emit("Sigmoid", {silu.in(0)})});
}

}  // namespace

void ExpandInternalNodes(Graph& graph) {
  ForEachGraph(graph, [](Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      if (node.domain != "squint" || node.op_type == "Requantize") continue;
      if (node.op_type == "SiLU") {
        ExpandSilu(each, id);
      } else if (IsSteps(node)) {
        WriteStepsAsScan(each, id);
      } else {
        Fail(ErrorCode::kInternal,
             "{}: squint::{} cannot be written in standard operators",
             NodeLabel(each, node), node.op_type);
      }
    }
  });
}

}  // namespace squint
