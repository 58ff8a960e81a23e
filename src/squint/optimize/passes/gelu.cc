// Gelu written out, in any order of its factors:
//   erf   x / 2 * (1 + Erf(x / sqrt(2)))
//   tanh  x / 2 * (1 + Tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
#include <algorithm>
#include <numbers>

#include "squint/optimize/formula.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

constexpr double kCubic = 0.044715;

bool AllOperandsAre(const Product& product, ValueId x, size_t count) {
  return product.operands.size() == count &&
         std::all_of(product.operands.begin(), product.operands.end(),
                     [&](ValueId operand) { return operand == x; });
}

void Collect(std::vector<NodeId>& nodes, const std::vector<NodeId>& more) {
  nodes.insert(nodes.end(), more.begin(), more.end());
}

bool IsErfArgument(Editor& editor, ValueId value, ValueId x,
                   std::vector<NodeId>& nodes) {
  const Product argument = ReadProduct(editor, value);
  Collect(nodes, argument.nodes);
  return AllOperandsAre(argument, x, 1) &&
         Near(argument.factor * std::numbers::sqrt2, 1.0);
}

// x + 0.044715 * x^3
bool IsCubicSum(Editor& editor, ValueId value, ValueId x,
                std::vector<NodeId>& nodes) {
  if (!editor.Makes(value, "Add")) return false;
  nodes.push_back(editor.Producer(value));
  const Node& sum = editor.graph().node(editor.Producer(value));
  const size_t linear = sum.input(0) == x ? 0 : 1;
  if (sum.input(linear) != x) return false;
  const Product cube = ReadProduct(editor, sum.input(1 - linear));
  Collect(nodes, cube.nodes);
  return AllOperandsAre(cube, x, 3) && Near(cube.factor, kCubic);
}

// 1 + 0.044715 * x^2
bool IsSquareSum(Editor& editor, ValueId value, ValueId x,
                 std::vector<NodeId>& nodes) {
  const Line line = ReadLine(editor, value);
  const Product square = ReadProduct(editor, line.x);
  Collect(nodes, line.nodes);
  Collect(nodes, square.nodes);
  return AllOperandsAre(square, x, 2) && Near(line.offset, 1.0) &&
         Near(line.slope * square.factor, kCubic);
}

bool IsTanhArgument(Editor& editor, ValueId value, ValueId x,
                    std::vector<NodeId>& nodes) {
  const Product argument = ReadProduct(editor, value);
  Collect(nodes, argument.nodes);
  const double expected = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  if (!Near(argument.factor, expected)) return false;
  const std::vector<ValueId>& operands = argument.operands;
  if (operands.size() == 1) return IsCubicSum(editor, operands[0], x, nodes);
  if (operands.size() != 2) return false;
  const size_t linear = operands[0] == x ? 0 : 1;
  return operands[linear] == x &&
         IsSquareSum(editor, operands[1 - linear], x, nodes);
}

// Gelu's "approximate" when the two factors are x and its gate.
std::optional<std::string> Approximation(Editor& editor, const Product& product,
                                         size_t x_index,
                                         std::vector<NodeId>& nodes) {
  const Line gate = ReadLine(editor, product.operands[1 - x_index]);
  if (!Near(product.factor * gate.slope, 0.5) ||
      !Near(product.factor * gate.offset, 0.5)) {
    return std::nullopt;
  }
  const NodeId function = editor.Producer(gate.x);
  if (function == kNoNode || editor.SoleReader(gate.x) == kNoNode) {
    return std::nullopt;
  }
  const Node& node = editor.graph().node(function);
  if (editor.IsQuantized(node)) return std::nullopt;
  const ValueId x = product.operands[x_index];
  nodes = product.nodes;
  Collect(nodes, gate.nodes);
  nodes.push_back(function);
  if (node.Is("Erf") && IsErfArgument(editor, node.input(0), x, nodes)) {
    return "none";
  }
  if (node.Is("Tanh") && IsTanhArgument(editor, node.input(0), x, nodes)) {
    return "tanh";
  }
  return std::nullopt;
}

bool MakeGelu(Editor& editor, NodeId id, PassContext& pass) {
  const Node& node = editor.graph().node(id);
  if (!node.Is("Mul") && !node.Is("Div")) return false;
  const Product product = ReadProduct(editor, node.output());
  if (product.operands.size() != 2) return false;
  for (const size_t x_index : {size_t{0}, size_t{1}}) {
    std::vector<NodeId> nodes;
    const auto approximation = Approximation(editor, product, x_index, nodes);
    if (!approximation) continue;
    if (!BecomeFunction(editor, id, "Gelu", product.operands[x_index], nodes,
                        {{"approximate", *approximation}})) {
      return false;
    }
    pass.Say("{} is Gelu ({})", editor.Name(id),
             *approximation == "none" ? "erf" : "tanh");
    return true;
  }
  return false;
}

int RunGelu(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  const std::vector<NodeId> order = graph.order();
  // Backwards: the whole formula is met before its parts.
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    MakeGelu(editor, *it, pass);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kGeluPass = {
    .name = "gelu",
    .summary = "Gelu written out (with Erf or Tanh) becomes one node",
    .run = RunGelu,
};

}  // namespace squint
