#include "squint/onnx/graph_writer.h"

#include <utility>

#include "squint/base/error.h"
#include "squint/onnx/entries.h"
#include "squint/onnx/proto_fields.h"

namespace squint {
namespace {

// Until IR version 4 every initializer had to be listed as an input.
constexpr int64_t kFreeInitializersIr = 4;

// Values that a live node or the graph's outputs read. Passes leave constants
// behind that nobody reads any more.
std::vector<char> ReadValues(const Graph& graph) {
  std::vector<char> read(static_cast<size_t>(graph.num_values()), 0);
  const auto mark = [&](const std::vector<ValueId>& ids) {
    for (const ValueId id : ids) {
      if (id != kNoValue) read[static_cast<size_t>(id)] = 1;
    }
  };
  for (const NodeId id : graph.order()) {
    mark(graph.node(id).inputs);
    mark(graph.node(id).captures);
  }
  mark(graph.outputs());
  return read;
}

// Constants that the file has to hold, in the order of their ids.
std::vector<ValueId> Initializers(const Graph& graph) {
  const std::vector<char> read = ReadValues(graph);
  std::vector<ValueId> ids;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const Value& value = graph.value(id);
    if (value.is_constant() && value.producer == kNoNode &&
        (read[static_cast<size_t>(id)] || graph.IsInput(id))) {
      ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace

const std::string& GraphWriter::Scope::Name(ValueId id) const {
  static const std::string absent;
  return id == kNoValue ? absent : names[static_cast<size_t>(id)];
}

Rope GraphWriter::Write(const Graph& graph) {
  Scope scope{graph, {}, {}};
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    scope.names.push_back(graph.value(id).name);
    scope.visible.insert(graph.value(id).name);
  }
  return WriteScope(scope, true);
}

GraphWriter::Scope GraphWriter::Nested(
    const Graph& graph, const Scope& outer,
    const std::vector<std::string>& captured) {
  Scope scope{graph, {}, outer.visible};
  scope.names.resize(static_cast<size_t>(graph.num_values()));
  for (size_t i = 0; i < captured.size(); ++i) {
    scope.names[static_cast<size_t>(graph.captures()[i])] = captured[i];
  }
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    std::string& name = scope.names[static_cast<size_t>(id)];
    if (!name.empty()) continue;
    name = graph.value(id).name;
    // A fresh name must not be taken by a later value of this graph either.
    for (int i = 1; scope.visible.contains(name); ++i) {
      name = fmt::format("{}_{}", graph.value(id).name, i);
      if (graph.FindValue(name) != kNoValue) name = graph.value(id).name;
    }
    scope.visible.insert(name);
  }
  return scope;
}

Rope GraphWriter::WriteScope(const Scope& scope, bool is_main) {
  const Graph& graph = scope.graph;
  Rope message;
  for (const NodeId id : graph.order()) {
    message.AddMessage(GraphField::kNode, WriteNode(scope, graph.node(id)));
  }
  message.AddBytes(GraphField::kName, graph.name.empty()
                                          ? std::string_view("graph")
                                          : std::string_view(graph.name));
  AddInitializers(scope, message);
  message.AddText(GraphField::kDoc, graph.doc);
  AddValueInfos(scope, is_main, message);
  message.Append(graph.opaque_graph_fields);
  return message;
}

void GraphWriter::AddInitializers(const Scope& scope, Rope& message) {
  for (const ValueId id : Initializers(scope.graph)) {
    const Value& value = scope.graph.value(id);
    message.AddMessage(GraphField::kInitializer,
                       TensorMessage(value.constant, scope.Name(id),
                                     value.opaque_fields, external_));
  }
}

void GraphWriter::AddValueInfos(const Scope& scope, bool is_main,
                                Rope& message) {
  const Graph& graph = scope.graph;
  std::set<ValueId> described(graph.captures().begin(), graph.captures().end());
  const auto add = [&](uint32_t field, ValueId id) {
    message.AddMessage(field,
                       ValueInfoMessage(graph.value(id), scope.Name(id)));
    described.insert(id);
  };
  for (const ValueId id : graph.inputs()) add(GraphField::kInput, id);
  if (is_main && graph.ir_version < kFreeInitializersIr) {
    for (const ValueId id : Initializers(graph)) {
      if (!described.contains(id)) add(GraphField::kInput, id);
    }
  }
  for (const ValueId id : graph.outputs()) add(GraphField::kOutput, id);
  for (const NodeId node_id : graph.order()) {
    for (const ValueId id : graph.node(node_id).outputs) {
      if (id == kNoValue || described.contains(id)) continue;
      const Value& value = graph.value(id);
      if (value.dtype == DType::kUndefined && value.type_bytes.empty()) {
        continue;
      }
      add(GraphField::kValueInfo, id);
    }
  }
}

Rope GraphWriter::WriteNode(const Scope& scope, const Node& node) {
  Rope message;
  for (const ValueId id : node.inputs) {
    message.AddBytes(NodeField::kInput, scope.Name(id));
  }
  for (const ValueId id : node.outputs) {
    message.AddBytes(NodeField::kOutput, scope.Name(id));
  }
  message.AddText(NodeField::kName, node.name);
  message.AddBytes(NodeField::kOpType, node.op_type);
  size_t next = 0;
  for (const auto& [name, attribute] : node.attributes) {
    std::vector<std::string> captured;
    if (const auto* box = std::get_if<GraphBox>(&attribute)) {
      for (size_t i = 0; i < (*box)->captures().size(); ++i) {
        captured.push_back(scope.Name(node.captures[next++]));
      }
    }
    message.AddMessage(NodeField::kAttribute,
                       WriteAttribute(scope, name, attribute, captured));
  }
  message.AddText(NodeField::kDoc, node.doc);
  message.AddText(NodeField::kDomain, node.domain);
  message.Append(node.opaque_fields);
  return message;
}

// Adds the value field of each kind; returns the kind's number.
struct GraphWriter::ValueOfAttribute {
  GraphWriter& writer;
  const Scope& scope;
  const std::vector<std::string>& captured;
  Rope& message;

  int64_t operator()(int64_t value) const {
    message.AddInt(AttributeField::kInt, value);
    return AttributeType::kInt;
  }
  int64_t operator()(float value) const {
    message.AddFloat(AttributeField::kFloat, value);
    return AttributeType::kFloat;
  }
  int64_t operator()(const std::string& value) const {
    message.AddBytes(AttributeField::kString, value);
    return AttributeType::kString;
  }
  int64_t operator()(const Tensor& value) const {
    message.AddMessage(AttributeField::kTensor,
                       TensorMessage(value, "", "", writer.external_));
    return AttributeType::kTensor;
  }
  int64_t operator()(const GraphBox& value) const {
    const Scope nested = Nested(*value, scope, captured);
    message.AddMessage(AttributeField::kGraph,
                       writer.WriteScope(nested, false));
    return AttributeType::kGraph;
  }
  int64_t operator()(const std::vector<int64_t>& values) const {
    for (const int64_t v : values) message.AddInt(AttributeField::kInts, v);
    return AttributeType::kInts;
  }
  int64_t operator()(const std::vector<float>& values) const {
    for (const float v : values) message.AddFloat(AttributeField::kFloats, v);
    return AttributeType::kFloats;
  }
  int64_t operator()(const std::vector<std::string>& values) const {
    for (const std::string& v : values) {
      message.AddBytes(AttributeField::kStrings, v);
    }
    return AttributeType::kStrings;
  }
  // Holds the whole AttributeProto, name and type included.
  int64_t operator()(const OpaqueAttribute& value) const {
    message.Append(value.bytes);
    return AttributeType::kUndefined;
  }
};

Rope GraphWriter::WriteAttribute(const Scope& scope, std::string_view name,
                                 const Attribute& attribute,
                                 const std::vector<std::string>& captured) {
  Rope message;
  if (!std::holds_alternative<OpaqueAttribute>(attribute)) {
    message.AddBytes(AttributeField::kName, name);
  }
  const int64_t type =
      std::visit(ValueOfAttribute{*this, scope, captured, message}, attribute);
  if (type != AttributeType::kUndefined) {
    message.AddInt(AttributeField::kType, type);
  }
  return message;
}

}  // namespace squint
