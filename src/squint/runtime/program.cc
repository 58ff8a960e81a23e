#include "squint/runtime/program.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace squint {
namespace {

// Whether output 0 is input 0 under another shape. Dropout with a mask, or
// one that trains, is none.
bool IsView(const Graph& graph, const Node& node) {
  static constexpr std::array<std::string_view, 5> kViews = {
      "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
  if (!node.domain.empty() || node.outputs.empty()) return false;
  if (std::ranges::find(kViews, node.op_type) != kViews.end()) return true;
  if (node.op_type != "Dropout" || node.output(1) != kNoValue) return false;
  if (!node.has_input(2)) return true;
  const Tensor* training = graph.ConstantOf(node.input(2));
  return training != nullptr && training->size() == 1 &&
         training->ToInts()[0] == 0;
}

// A bound of Clip: the constant, `fallback` when absent, nullopt when
// computed or of another type.
std::optional<float> Bound(const Graph& graph, const Node& node, size_t input,
                           float fallback) {
  if (!node.has_input(input)) return fallback;
  const Tensor* bound = graph.ConstantOf(node.input(input));
  if (bound == nullptr || bound->size() != 1 || !IsFloat(bound->dtype()) ||
      graph.value(node.input(input)).quant) {
    return std::nullopt;
  }
  return bound->ToFloats()[0];
}

std::optional<std::pair<float, float>> ClampOf(const Graph& graph,
                                               const Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (node.Is("Relu")) return std::pair{0.0f, kInfinity};
  if (!node.Is("Clip")) return std::nullopt;
  const auto low = Bound(graph, node, 1, -kInfinity);
  const auto high = Bound(graph, node, 2, kInfinity);
  if (!low || !high || !(*low <= *high)) return std::nullopt;
  return std::pair{*low, *high};
}

// Fills `dying` of every node by walking backwards: the first reader met
// from the end is the last one.
void FindLastUses(const Graph& graph, std::vector<ProgramNode>& nodes) {
  std::vector<bool> seen(static_cast<size_t>(graph.num_values()), false);
  for (const ValueId id : graph.outputs()) seen[static_cast<size_t>(id)] = true;
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    const Node& node = graph.node(it->id);
    for (const auto* list : {&node.outputs, &node.inputs, &node.captures}) {
      for (const ValueId id : *list) {
        if (id == kNoValue || seen[static_cast<size_t>(id)]) continue;
        seen[static_cast<size_t>(id)] = true;
        if (!graph.value(id).is_constant()) it->dying.push_back(id);
      }
    }
  }
}

void FindClamps(const Graph& graph, std::vector<ProgramNode>& nodes) {
  const UseMap uses(graph);
  std::vector<int> position(static_cast<size_t>(graph.num_nodes()), -1);
  for (size_t i = 0; i < nodes.size(); ++i) {
    position[static_cast<size_t>(nodes[i].id)] = static_cast<int>(i);
  }
  for (ProgramNode& step : nodes) {
    const ValueId made = graph.node(step.id).output(0);
    if (step.op == nullptr || !step.op->fuses_clamp || made == kNoValue) {
      continue;
    }
    const NodeId reader = uses.SoleReader(made);
    if (reader == kNoNode || graph.IsOutput(made)) continue;
    const Node& clamp = graph.node(reader);
    const auto bounds = ClampOf(graph, clamp);
    if (!bounds || clamp.input(0) != made || clamp.output(0) == kNoValue) {
      continue;
    }
    step.clamp_node = position[static_cast<size_t>(reader)];
    step.clamp = *bounds;
  }
}

}  // namespace

Program::Program(const Graph& graph, OpFinder find) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    ProgramNode step;
    step.id = id;
    step.op = find(node.op_type, node.domain);
    step.is_view =
        step.op != nullptr && step.op->infer != nullptr && IsView(graph, node);
    nodes.push_back(std::move(step));
  }
  FindLastUses(graph, nodes);
  FindClamps(graph, nodes);
}

}  // namespace squint
