#include "squint/quantize/weight_format.h"

#include <algorithm>

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

}  // namespace

std::set<NodeId> EdgeLayers(const Graph& graph) {
  std::set<NodeId> edges;
  // Values that no layer has touched since the inputs.
  std::set<ValueId> raw(graph.inputs().begin(), graph.inputs().end());
  // Values from which no layer stands before the outputs.
  std::set<ValueId> last(graph.outputs().begin(), graph.outputs().end());
  const std::vector<NodeId> order = graph.order();
  std::set<NodeId> layers;
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    const bool reads_raw = std::ranges::any_of(
        node.inputs, [&](ValueId v) { return raw.contains(v); });
    if (HasWeight(graph, node)) layers.insert(id);
    if (!reads_raw) continue;
    if (layers.contains(id)) {
      if (!node.Is("Gather")) edges.insert(id);
    } else {
      raw.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& node = graph.node(*it);
    const bool makes_last = std::ranges::any_of(
        node.outputs, [&](ValueId v) { return last.contains(v); });
    if (!makes_last) continue;
    if (layers.contains(*it)) {
      if (!node.Is("Gather")) edges.insert(*it);
    } else {
      last.insert(node.inputs.begin(), node.inputs.end());
    }
  }
  return edges;
}

WeightFormats::WeightFormats(const Graph& graph, const Recipe& recipe,
                             const Target& target)
    : graph_(graph), recipe_(recipe) {
  common_.dtype = recipe.weights.value_or(target.weight);
  common_.bits =
      recipe.weight_bits > 0 ? recipe.weight_bits : BitsOf(common_.dtype);
  if (recipe.mode == QuantizeMode::kStatic && IsInteger(common_.dtype) &&
      common_.bits < 8 && recipe.edges_8_bits) {
    eight_bits_ = EdgeLayers(graph);
  }
}

WeightFormat WeightFormats::of(NodeId id) const {
  const DType own = LayerType(graph_.node(id), recipe_);
  if (own != DType::kUndefined && own != DType::kFloat32) {
    return {own, BitsOf(own)};
  }
  return eight_bits_.contains(id) ? WeightFormat{} : common_;
}

}  // namespace squint
