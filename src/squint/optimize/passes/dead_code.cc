// Nodes that nothing reads go, and so do the optional second outputs that
// nothing reads (Dropout's mask, MaxPool's indices), which would keep other
// passes from seeing a plain one-output node.
#include <algorithm>
#include <array>

#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

bool HasOptionalOutputs(const Node& node) {
  constexpr std::array kTypes = {"Dropout", "MaxPool", "LayerNormalization",
                                 "BatchNormalization"};
  return node.domain.empty() &&
         std::find(kTypes.begin(), kTypes.end(), node.op_type) != kTypes.end();
}

void DropUnreadOutputs(Editor& editor, NodeId id, PassContext& pass) {
  if (!HasOptionalOutputs(editor.graph().node(id))) return;
  std::vector<ValueId>& outputs = editor.graph().node(id).outputs;
  while (outputs.size() > 1) {
    const ValueId last = outputs.back();
    if (last != kNoValue) {
      if (!editor.UsesOf(last).empty()) return;
      editor.graph().value(last).producer = kNoNode;
      pass.Say("{} of {}", editor.graph().value(last).name, editor.Name(id));
    }
    outputs.pop_back();
    editor.Invalidate();
  }
}

bool IsUnread(Editor& editor, const Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
    return id == kNoValue || editor.UsesOf(id).empty();
  });
}

int RunDeadCode(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  const std::vector<NodeId> order = graph.order();
  // Backwards, so that a whole chain goes in one run.
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (IsUnread(editor, graph.node(*it))) {
      pass.Say("{}", NodeLabel(graph, graph.node(*it)));
      editor.Remove(*it);
    } else {
      DropUnreadOutputs(editor, *it, pass);
    }
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kDeadCodePass = {
    .name = "dead-code",
    .summary = "nodes and optional outputs that nothing reads",
    .run = RunDeadCode,
};

}  // namespace squint
