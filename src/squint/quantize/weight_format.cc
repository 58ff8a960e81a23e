#include "squint/quantize/weight_format.h"

#include <algorithm>

#include "squint/interchange/interchange.h"

namespace squint {
namespace {

bool HasWeight(const Graph& graph, const Node& node) {
  if (node.Is("Gather")) return graph.ConstantOf(node.input(0)) != nullptr;
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->quantize == nullptr) return false;
  const Target plain;
  const QuantSpec spec = op->quantize({graph, node, plain});
  return std::ranges::any_of(
      spec.inputs, [](const QuantSlot& s) { return s.role == Role::kWeight; });
}

bool AnyOf(const std::vector<ValueId>& values, const std::set<ValueId>& set) {
  return std::ranges::any_of(values,
                             [&](ValueId id) { return set.contains(id); });
}

}  // namespace

std::set<NodeId> FirstLayers(const Graph& graph) {
  std::set<NodeId> first;
  // Values that no layer has touched since the inputs.
  std::set<ValueId> raw(graph.inputs().begin(), graph.inputs().end());
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!AnyOf(node.inputs, raw)) continue;
    if (!HasWeight(graph, node)) {
      raw.insert(node.outputs.begin(), node.outputs.end());
    } else if (!node.Is("Gather")) {
      first.insert(id);
    }
  }
  return first;
}

DType CommonWeightType(const Recipe& recipe, const Target& target) {
  return recipe.weights.value_or(target.weight);
}

WeightFormat CommonWeightFormat(const Recipe& recipe, const Target& target) {
  WeightFormat format = FormatOf(CommonWeightType(recipe, target));
  if (recipe.weight_bits > 0) format.bits = recipe.weight_bits;
  return format;
}

WeightFormat CommonWeightFormat(const Recipe& recipe) {
  return CommonWeightFormat(recipe, FindTarget(recipe.target));
}

std::set<NodeId> EdgeLayers(const Graph& graph) {
  std::set<NodeId> edges = FirstLayers(graph);
  // Values from which no layer stands before the outputs.
  std::set<ValueId> last(graph.outputs().begin(), graph.outputs().end());
  const std::vector<NodeId> order = graph.order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& node = graph.node(*it);
    if (!AnyOf(node.outputs, last)) continue;
    if (!HasWeight(graph, node)) {
      last.insert(node.inputs.begin(), node.inputs.end());
    } else if (!node.Is("Gather")) {
      edges.insert(*it);
    }
  }
  return edges;
}

WeightFormats::WeightFormats(const Graph& graph, const Recipe& recipe,
                             const Target& target)
    : graph_(graph),
      recipe_(recipe),
      common_(CommonWeightFormat(recipe, target)) {
  if (recipe.mode == QuantizeMode::kStatic && IsInteger(common_.dtype) &&
      common_.bits < 8 && recipe.edges_8_bits) {
    eight_bits_ = EdgeLayers(graph);
  }
}

WeightFormat WeightFormats::of(NodeId id) const {
  const WeightFormat* own = LayerFormat(graph_.node(id), recipe_);
  if (own != nullptr && own->dtype != DType::kFloat32) return *own;
  return eight_bits_.contains(id) ? WeightFormat{} : common_;
}

}  // namespace squint
