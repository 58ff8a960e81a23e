// Nodes of domain `squint` that optimizations recognise, written out in the
// standard operators that runtimes fuse.
#include "squint/interchange/interchange.h"
#include "squint/interchange/scan_steps.h"
#include "squint/ops/recurrent_steps.h"

namespace squint {
namespace {

// SiLU(x) = x * Sigmoid(x).
void ExpandSilu(Graph& graph, NodeId id) {
  const Node silu = graph.node(id);
  const Value& y = graph.value(silu.output());
  const ValueId gate = graph.AddValue(y.name + "_sigmoid", y.dtype, y.shape);
  Node sigmoid;
  sigmoid.op_type = "Sigmoid";
  sigmoid.name = silu.name.empty() ? "" : silu.name + "_sigmoid";
  sigmoid.user_names = silu.user_names;
  sigmoid.inputs = {silu.input(0)};
  sigmoid.outputs = {gate};
  graph.InsertBefore(id, std::move(sigmoid));
  Node& product = graph.node(id);
  product.op_type = "Mul";
  product.domain = "";
  product.inputs = {silu.input(0), gate};
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
