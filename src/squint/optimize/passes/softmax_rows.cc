// Softmax of old opsets saw its input as a matrix, and what upgrades it, or an
// exporter, writes that out: reshape, Softmax over the rows, reshape back.
// Over the last axis alone that is Softmax of the tensor as it is.
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

bool ChangesShape(const Node& node) {
  return node.Is("Reshape") || node.Is("Flatten") || node.Is("Squeeze") ||
         node.Is("Unsqueeze");
}

// Softmax or LogSoftmax over the last axis of its only input.
bool IsOverRows(const Editor& editor, const Node& node) {
  if (!node.Is("Softmax") && !node.Is("LogSoftmax")) return false;
  const int64_t axis = node.Int("axis", -1);
  return axis == -1 || axis + 1 == editor.Rank(node.input(0));
}

bool SameLast(const Shape& a, const Shape& b) {
  return a.has_rank() && b.has_rank() && a.rank() > 0 && b.rank() > 0 &&
         a[a.rank() - 1] == b[b.rank() - 1];
}

bool Unwrap(Editor& editor, NodeId id, PassContext& pass) {
  Graph& graph = editor.graph();
  const Node& back = graph.node(id);
  if (!ChangesShape(back) || editor.IsQuantized(back)) return false;
  const NodeId softmax = editor.Producer(back.input(0));
  if (softmax == kNoNode || editor.SoleReader(back.input(0)) == kNoNode ||
      !IsOverRows(editor, graph.node(softmax)) ||
      editor.IsQuantized(graph.node(softmax))) {
    return false;
  }
  const ValueId rows = graph.node(softmax).input(0);
  const NodeId there = editor.Producer(rows);
  if (there == kNoNode || !ChangesShape(graph.node(there)) ||
      editor.IsQuantized(graph.node(there))) {
    return false;
  }
  const ValueId x = graph.node(there).input(0);
  const Shape& shape = graph.value(x).shape;
  if (!(shape == graph.value(back.output()).shape) ||
      !SameLast(shape, graph.value(rows).shape)) {
    return false;
  }
  pass.Say("{} on the shape of its input", editor.Name(softmax));
  graph.node(softmax).Set("axis", int64_t{-1});
  editor.SetInput(softmax, 0, x);
  editor.TakeOutput(softmax, id);
  editor.RemoveUnread(rows);
  return true;
}

int RunSoftmaxRows(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).removed) Unwrap(editor, id, pass);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kSoftmaxRowsPass = {
    .name = "softmax-rows",
    .summary = "Softmax between two changes of shape that it does not need",
    .run = RunSoftmaxRows,
};

}  // namespace squint
