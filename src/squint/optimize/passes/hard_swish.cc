// HardSwish and HardSigmoid written out in small operators, in any order:
//   HardSwish    x * clamp(x + 3, 0, 6) / 6, x * HardSigmoid(x; 1/6, 1/2)
//   HardSigmoid  clamp(alpha * x + beta, 0, 1), as Add, Clip, Div and the like
#include "squint/optimize/formula.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

bool IsHardSwish(Editor& editor, const Product& product, size_t x_index,
                 std::vector<NodeId>& nodes) {
  const ValueId x = product.operands[x_index];
  const ValueId operand = product.operands[1 - x_index];
  const auto gate = ReadClampedLine(editor, operand);
  if (!gate || gate->line.x != x || editor.SoleReader(operand) == kNoNode) {
    return false;
  }
  const double k = product.factor;
  if (!Near(6.0 * k * gate->line.slope, 1.0) ||
      !Near(k * gate->line.offset, 0.5) || !Near(k * gate->low, 0.0) ||
      !Near(k * gate->high, 1.0)) {
    return false;
  }
  nodes = gate->line.nodes;
  nodes.insert(nodes.end(), product.nodes.begin(), product.nodes.end());
  return true;
}

bool MakeHardSwish(Editor& editor, NodeId id, PassContext& pass) {
  const Node& node = editor.graph().node(id);
  if (!node.Is("Mul") && !node.Is("Div")) return false;
  const Product product = ReadProduct(editor, node.output());
  if (product.operands.size() != 2) return false;
  for (const size_t x_index : {size_t{0}, size_t{1}}) {
    std::vector<NodeId> nodes;
    if (!IsHardSwish(editor, product, x_index, nodes)) continue;
    if (!BecomeFunction(editor, id, "HardSwish", product.operands[x_index],
                        nodes)) {
      return false;
    }
    pass.Say("{} is HardSwish", editor.Name(id));
    return true;
  }
  return false;
}

bool MakeHardSigmoid(Editor& editor, NodeId id, PassContext& pass) {
  const Node& node = editor.graph().node(id);
  if (node.Is("HardSigmoid") || node.outputs.size() != 1) return false;
  const auto clamped = ReadClampedLine(editor, node.output());
  if (!clamped || !Near(clamped->low, 0.0) || !Near(clamped->high, 1.0)) {
    return false;
  }
  const Line& line = clamped->line;
  // Clip(0, 1) alone, or behind an Add, is as good as it is.
  if (Near(line.slope, 1.0) || line.offset == 0.0) return false;
  if (!BecomeFunction(editor, id, "HardSigmoid", line.x, line.nodes,
                      {{"alpha", static_cast<float>(line.slope)},
                       {"beta", static_cast<float>(line.offset)}})) {
    return false;
  }
  pass.Say("{} is HardSigmoid", editor.Name(id));
  return true;
}

int RunHardSwish(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  const std::vector<NodeId> order = graph.order();
  // Backwards: the whole formula is met before its parts.
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    if (!MakeHardSwish(editor, *it, pass)) MakeHardSigmoid(editor, *it, pass);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kHardSwishPass = {
    .name = "hard-swish",
    .summary = "HardSwish and HardSigmoid written out become one node",
    .run = RunHardSwish,
};

}  // namespace squint
