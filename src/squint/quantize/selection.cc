#include "squint/quantize/selection.h"

#include <algorithm>

#include "squint/ops/recurrent_steps.h"

namespace squint {
namespace {

bool Contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool IsListed(const Target& target, const Node& node) {
  const std::string key =
      node.domain.empty() ? node.op_type : node.domain + "::" + node.op_type;
  return target.operators.contains(key);
}

// LSTM often has no first output, but its last states.
ValueId FirstResult(const Node& node) {
  for (const ValueId id : node.outputs) {
    if (id != kNoValue) return id;
  }
  return kNoValue;
}

// A table looked up by rows: its weights can be stored as integers, but the
// node itself moves numbers and computes nothing.
bool IsTableLookup(const Graph& graph, const Node& node) {
  return node.Is("Gather") && graph.ConstantOf(node.input(0)) != nullptr;
}

bool HasWeight(const QuantSpec& spec) {
  return std::any_of(spec.inputs.begin(), spec.inputs.end(),
                     [](const auto& s) { return s.role == Role::kWeight; });
}

bool IsAnchor(const QuantSpec& spec) {
  return HasWeight(spec) || (!spec.outputs.empty() && spec.outputs[0].optional);
}

// The bias of a MatMul of rank 3 and more: ONNX Runtime adds it in float
// inside MatMulIntegerToFloat.
bool IsMatMulBias(const Graph& graph, const Node& node) {
  if (!node.Is("Add")) return false;
  for (size_t i = 0; i < 2; ++i) {
    if (graph.ConstantOf(node.input(1 - i)) == nullptr) continue;
    const NodeId producer = graph.value(node.input(i)).producer;
    if (producer != kNoNode && graph.node(producer).Is("MatMul")) return true;
  }
  return false;
}

}  // namespace

bool TargetRuns(const Target& target, const Node& node) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  return target.all_integer ? op->integer_reference != nullptr
                            : IsListed(target, node);
}

bool IsExcluded(const Node& node, const Recipe& recipe) {
  const WeightFormat* format = LayerFormat(node, recipe);
  if (format != nullptr && format->dtype == DType::kFloat32) return true;
  if (Contains(recipe.exclude_types, node.op_type)) return true;
  if (Contains(recipe.exclude_nodes, node.name)) return true;
  return std::any_of(
      node.user_names.begin(), node.user_names.end(),
      [&](const auto& name) { return Contains(recipe.exclude_nodes, name); });
}

Selection::Selection(const Graph& graph, const Target& target,
                     const Recipe& recipe, const FloatRequests& requests)
    : graph_(graph),
      integer_ends_(target.name == "edge"),
      uses_(graph),
      decisions_(static_cast<size_t>(graph.num_nodes())) {
  const std::vector<NodeId> order = graph.order();
  for (const NodeId id : order) Decide(id, target, recipe, requests);
  for (const NodeId id : order) {
    if (!of(id).integer || !of(id).spec.clamp) continue;
    decisions_[static_cast<size_t>(id)].absorbed_clamp =
        IsAbsorbableClamp(id, recipe);
    if (!of(id).absorbed_clamp && !target.all_integer) {
      Drop(id, "a clamp that no quantized range absorbs here");
    }
  }
  // Only ever drops nodes, so it ends; the result does not depend on the
  // order, because dropping one can only make others drop.
  for (bool changed = true; changed;) {
    changed = false;
    for (const NodeId id : order) {
      if (!of(id).integer || of(id).anchor) continue;
      std::string reason = ReasonToLeave(id);
      if (reason.empty()) continue;
      Drop(id, std::move(reason));
      changed = true;
    }
  }
}

void Selection::Drop(NodeId id, std::string reason) {
  Decision& decision = decisions_[static_cast<size_t>(id)];
  decision.integer = false;
  decision.absorbed_clamp = false;
  decision.kind = FloatKind::kNeighbours;
  decision.reason = std::move(reason);
}

bool Selection::FeedsSteps(NodeId id) const {
  const NodeId reader = uses_.SoleReader(graph_.node(id).output());
  return reader != kNoNode && IsSteps(graph_.node(reader));
}

void Selection::Decide(NodeId id, const Target& target, const Recipe& recipe,
                       const FloatRequests& requests) {
  const Node& node = graph_.node(id);
  Decision& decision = decisions_[static_cast<size_t>(id)];
  const auto keep_float = [&](FloatKind kind, std::string reason) {
    decision.kind = kind;
    decision.reason = std::move(reason);
  };
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (node.has_graphs()) {
    return keep_float(FloatKind::kNotReal,
                      "what is in its nested graphs is quantized there");
  }
  if (op == nullptr) {
    return keep_float(FloatKind::kRule, "Squint does not know this operator");
  }
  const ValueId result = FirstResult(node);
  if (result == kNoValue || graph_.value(result).dtype != DType::kFloat32) {
    return keep_float(FloatKind::kNotReal, "its result is no float32 tensor");
  }
  if (op->quantize == nullptr) {
    return keep_float(FloatKind::kRule,
                      "no integer form of this operator is known");
  }
  decision.spec = op->quantize({graph_, node, target});
  const bool is_float = !decision.spec.reason.empty();
  if (is_float && !HasWeight(decision.spec)) {
    return keep_float(FloatKind::kRule, decision.spec.reason);
  }
  if (IsTableLookup(graph_, node)) {
    return keep_float(FloatKind::kNotReal, "a table lookup computes nothing");
  }
  decision.anchor = !is_float && IsAnchor(decision.spec);
  if (IsExcluded(node, recipe)) {
    return keep_float(FloatKind::kExcluded, "excluded by the recipe");
  }
  if (const auto it = requests.find(id); it != requests.end()) {
    return keep_float(FloatKind::kAccuracy, it->second);
  }
  if (is_float) {
    decision.stored_weights = target.all_integer || IsListed(target, node);
    return keep_float(
        FloatKind::kRule,
        decision.spec.reason +
            (decision.stored_weights ? ", on weights stored as integers" : ""));
  }
  if (!decision.spec.clamp && !TargetRuns(target, node)) {
    return keep_float(
        FloatKind::kTarget,
        fmt::format("target {} runs {} in float", target.name, node.op_type));
  }
  if (IsMatMulBias(graph_, node) && (!integer_ends_ || FeedsSteps(id))) {
    return keep_float(FloatKind::kNeighbours,
                      "bias of a MatMul, added in float");
  }
  decision.integer = true;
}

bool Selection::IsAbsorbableClamp(NodeId id, const Recipe& recipe) const {
  const Node& clamp = graph_.node(id);
  const auto& [low, high] = *of(id).spec.clamp;
  if (low > 0 || high < 0) return false;  // ranges include zero
  // A range that the user states is not bent to the clamp.
  for (const auto& name : {graph_.value(clamp.output()).name,
                           graph_.value(clamp.output()).user_name}) {
    if (recipe.tensors.contains(name)) return false;
  }
  const ValueId input = clamp.input(0);
  const NodeId producer = graph_.value(input).producer;
  if (producer == kNoNode || !of(producer).integer || of(producer).spec.clamp ||
      !of(producer).spec.same.empty()) {
    return false;
  }
  return uses_.SoleReader(input) == id && clamp.output() != kNoValue;
}

ValueId Selection::ResultOf(const Node& node, size_t output) const {
  const ValueId direct = node.output(output);
  if (direct == kNoValue) return direct;
  const NodeId reader = uses_.SoleReader(direct);
  if (reader != kNoNode && of(reader).absorbed_clamp) {
    return graph_.node(reader).output();
  }
  return direct;
}

bool Selection::OutputQuantized(NodeId id, size_t output) const {
  const Decision& decision = of(id);
  if (!decision.integer || decision.absorbed_clamp ||
      output >= decision.spec.outputs.size()) {
    return false;
  }
  const QuantSlot& slot = decision.spec.outputs[output];
  if (slot.role != Role::kActivation) return false;
  const ValueId result = ResultOf(graph_.node(id), output);
  if (result == kNoValue) return false;
  if (!slot.optional || integer_ends_) return true;
  // MatMul and Gemm hand out float when anyone wants float.
  const auto& readers = uses_.of(result);
  return !readers.empty() &&
         std::all_of(readers.begin(), readers.end(), [&](const Use& use) {
           return use.node != kNoNode &&
                  ReadsQuantized(use.node, static_cast<size_t>(use.index));
         });
}

bool Selection::MadeInteger(ValueId id) const {
  NodeId producer = graph_.value(id).producer;
  if (producer == kNoNode) return false;
  if (of(producer).absorbed_clamp) {
    id = graph_.node(producer).input(0);
    producer = graph_.value(id).producer;
  }
  const auto& outputs = graph_.node(producer).outputs;
  const auto it = std::find(outputs.begin(), outputs.end(), id);
  return OutputQuantized(producer, static_cast<size_t>(it - outputs.begin()));
}

bool Selection::ReadsQuantized(NodeId id, size_t index) const {
  const Decision& decision = of(id);
  return decision.integer && !decision.absorbed_clamp &&
         index < decision.spec.inputs.size() &&
         decision.spec.inputs[index].role == Role::kActivation;
}

// One input from the island is enough: what else a sum, a product or a
// concatenation reads is rounded at the border, as it would be one node later.
bool Selection::InputsSuit(NodeId id) const {
  const Node& node = graph_.node(id);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId input = node.inputs[i];
    if (input != kNoValue && ReadsQuantized(id, i) &&
        (MadeInteger(input) || (integer_ends_ && graph_.IsInput(input)))) {
      return true;
    }
  }
  return false;
}

bool Selection::WantsIntegers(const Use& use) const {
  return use.node == kNoNode
             ? integer_ends_
             : ReadsQuantized(use.node, static_cast<size_t>(use.index));
}

bool Selection::ResultIsUseful(NodeId id) const {
  const Node& node = graph_.node(id);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const ValueId result = ResultOf(node, i);
    if (result == kNoValue) continue;
    for (const Use& use : uses_.of(result)) {
      if (WantsIntegers(use)) return true;
    }
  }
  return false;
}

std::string Selection::ReasonToLeave(NodeId id) const {
  if (of(id).absorbed_clamp) {
    const NodeId producer = graph_.value(graph_.node(id).input(0)).producer;
    return of(producer).integer ? "" : "its producer runs in float";
  }
  if (!InputsSuit(id)) return "its inputs are made in float";
  if (!ResultIsUseful(id)) return "its result is only read in float";
  return "";
}

}  // namespace squint
