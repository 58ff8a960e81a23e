#include "squint/optimize/editor.h"

#include <algorithm>
#include <set>
#include <utility>

namespace squint {

const Tensor* Editor::Constant(ValueId id) const {
  const Tensor* constant = graph_.ConstantOf(id);
  if (constant == nullptr || graph_.value(id).quant || graph_.IsInput(id)) {
    return nullptr;
  }
  return constant;
}

std::optional<double> Editor::Scalar(ValueId id) const {
  const Tensor* constant = Constant(id);
  if (constant == nullptr || constant->size() != 1 ||
      !squint::IsFloat(constant->dtype())) {
    return std::nullopt;
  }
  return static_cast<double>(constant->ToFloats()[0]);
}

const std::vector<Use>& Editor::UsesOf(ValueId id) {
  if (!uses_) uses_.emplace(graph_);
  return uses_->of(id);
}

NodeId Editor::SoleReader(ValueId id) {
  const std::vector<Use>& uses = UsesOf(id);
  if (uses.size() != 1 || uses[0].node == kNoNode) return kNoNode;
  const Node& reader = graph_.node(uses[0].node);
  const bool by_input = uses[0].index < static_cast<int>(reader.inputs.size());
  return by_input ? uses[0].node : kNoNode;
}

NodeId Editor::SoleProducer(ValueId id, std::string_view op_type) {
  if (!Makes(id, op_type) || SoleReader(id) == kNoNode) return kNoNode;
  return Producer(id);
}

NodeId Editor::Producer(ValueId id) const {
  return id == kNoValue ? kNoNode : graph_.value(id).producer;
}

bool Editor::Makes(ValueId id, std::string_view op_type) const {
  const NodeId producer = Producer(id);
  return producer != kNoNode && graph_.node(producer).Is(op_type) &&
         graph_.node(producer).output() == id;
}

bool Editor::IsQuantized(const Node& node) const {
  const auto quantized = [&](ValueId id) {
    return id != kNoValue && graph_.value(id).quant.has_value();
  };
  return std::any_of(node.inputs.begin(), node.inputs.end(), quantized) ||
         std::any_of(node.outputs.begin(), node.outputs.end(), quantized);
}

bool Editor::IsFloat32(ValueId id) const {
  return id != kNoValue && graph_.value(id).dtype == DType::kFloat32;
}

int Editor::Rank(ValueId id) const {
  if (id == kNoValue || !graph_.value(id).shape.has_rank()) return -1;
  return graph_.value(id).shape.rank();
}

std::string Editor::Name(NodeId id) const {
  const Node& node = graph_.node(id);
  if (!node.user_names.empty() && !node.user_names[0].empty()) {
    return node.user_names[0];
  }
  if (!node.name.empty()) return node.name;
  return node.output() == kNoValue ? node.op_type
                                   : graph_.value(node.output()).name;
}

void Editor::MergeNames(NodeId kept, NodeId gone) {
  std::vector<std::string>& names = graph_.node(kept).user_names;
  for (const std::string& name : graph_.node(gone).user_names) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  }
}

bool Editor::Bypass(NodeId node, ValueId instead) {
  const ValueId output = graph_.node(node).output();
  if (!graph_.IsOutput(output)) {
    graph_.ReplaceUses(output, instead);
    Remove(node);
    return true;
  }
  const NodeId producer = Producer(instead);
  if (producer == kNoNode || graph_.IsOutput(instead)) return false;
  const std::vector<ValueId>& outputs = graph_.node(producer).outputs;
  const auto slot = static_cast<size_t>(
      std::find(outputs.begin(), outputs.end(), instead) - outputs.begin());
  MergeNames(producer, node);
  Remove(node);
  graph_.ReplaceUses(instead, output);
  graph_.SetProducer(output, producer, slot);
  graph_.value(instead).producer = kNoNode;
  return true;
}

void Editor::TakeOutput(NodeId node, NodeId last) {
  const ValueId output = graph_.node(last).output();
  const ValueId old = graph_.node(node).output();
  MergeNames(node, last);
  Remove(last);
  graph_.SetProducer(output, node, 0);
  if (old != kNoValue && old != output) graph_.value(old).producer = kNoNode;
}

void Editor::SetConstant(NodeId node, size_t index, Tensor tensor,
                         std::string_view wish) {
  const ValueId old = graph_.node(node).input(index);
  Invalidate();
  if (old == kNoValue || Constant(old) == nullptr) {
    graph_.ReplaceInput(node, index,
                        graph_.AddConstant(wish, std::move(tensor)));
    return;
  }
  if (UsesOf(old).size() == 1) {
    Value& value = graph_.value(old);
    value.dtype = tensor.dtype();
    value.shape = Shape::Of(tensor.dims());
    value.constant = std::move(tensor);
    return;
  }
  const ValueId fresh =
      graph_.AddConstant(graph_.value(old).name, std::move(tensor));
  graph_.value(fresh).user_name = graph_.value(old).user_name;
  graph_.ReplaceInput(node, index, fresh);
  Invalidate();
}

ValueId Editor::AddConstant(std::string_view wish, Tensor tensor) {
  Invalidate();
  return graph_.AddConstant(wish, std::move(tensor));
}

void Editor::SetInput(NodeId node, size_t index, ValueId value) {
  Invalidate();
  graph_.ReplaceInput(node, index, value);
}

ValueId Editor::EmitBefore(NodeId before, std::string_view op_type,
                           std::vector<ValueId> inputs, Attributes attributes) {
  Invalidate();
  Node added;
  added.op_type = op_type;
  added.inputs = std::move(inputs);
  added.attributes = std::move(attributes);
  added.user_names = graph_.node(before).user_names;
  const ValueId output =
      graph_.AddValue(fmt::format("{}_{}", Name(before), op_type));
  added.outputs = {output};
  added.name = graph_.value(output).name;
  graph_.InsertBefore(before, std::move(added));
  return output;
}

void Editor::Remove(NodeId node) {
  Invalidate();
  graph_.RemoveNode(node);
}

void Editor::RemoveUnread(ValueId value) {
  const NodeId producer = Producer(value);
  if (producer == kNoNode) return;
  for (const ValueId output : graph_.node(producer).outputs) {
    if (output != kNoValue && !UsesOf(output).empty()) return;
  }
  const std::vector<ValueId> inputs = graph_.node(producer).inputs;
  Remove(producer);
  for (const ValueId input : inputs) RemoveUnread(input);
}

void Editor::Become(NodeId node, std::string_view op_type,
                    std::vector<ValueId> inputs, Attributes attributes) {
  Invalidate();
  Node& changed = graph_.node(node);
  changed.op_type = op_type;
  changed.domain.clear();
  const std::vector<ValueId> old_inputs = std::move(changed.inputs);
  changed.inputs = std::move(inputs);
  changed.attributes = std::move(attributes);
  for (size_t i = 1; i < changed.outputs.size(); ++i) {
    if (changed.outputs[i] != kNoValue) {
      graph_.value(changed.outputs[i]).producer = kNoNode;
    }
  }
  changed.outputs.resize(1);
  for (const ValueId input : old_inputs) RemoveUnread(input);
}

std::vector<NodeId> InOrder(const Graph& graph,
                            const std::vector<NodeId>& nodes) {
  const std::set<NodeId> wanted(nodes.begin(), nodes.end());
  std::vector<NodeId> ordered;
  for (const NodeId id : graph.order()) {
    if (wanted.contains(id)) ordered.push_back(id);
  }
  return ordered;
}

}  // namespace squint
