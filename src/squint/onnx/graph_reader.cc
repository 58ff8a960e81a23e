#include "squint/onnx/graph_reader.h"

#include <utility>

#include "squint/base/error.h"
#include "squint/onnx/attribute_reader.h"
#include "squint/onnx/entries.h"
#include "squint/onnx/proto_fields.h"

namespace squint {
namespace {

std::string Label(const Node& node, const std::vector<std::string>& outputs) {
  if (!node.name.empty() || outputs.empty()) {
    return fmt::format("node '{}' ({})", node.name, node.op_type);
  }
  return fmt::format("node of '{}' ({})", outputs[0], node.op_type);
}

}  // namespace

Graph GraphReader::Read(WireReader message) {
  if (depth_ > kMaxGraphDepth) {
    Fail(ErrorCode::kUnsupported, "graphs are nested more than {} deep",
         kMaxGraphDepth);
  }
  ReadFields(message);
  for (const WireReader& input : inputs_) AddInput(input);
  graph_.SetInputs(std::move(input_ids_));
  for (RawNode& raw : nodes_) DefineOutputs(raw);
  for (const WireReader& info : value_infos_) {
    DescribeValue(ReadValueInfo(info));
  }
  for (RawNode& raw : nodes_) FinishNode(std::move(raw));
  for (const WireReader& output : outputs_) {
    const Value described = ReadValueInfo(output);
    const ValueId id = Resolve(described.name, "the graph's output list");
    if (id == kNoValue) {
      Fail(ErrorCode::kInvalidModel, "a graph output has no name");
    }
    DescribeValue(described);
    graph_.AddOutput(id);
  }
  graph_.SortTopologically();
  return std::move(graph_);
}

void GraphReader::ReadFields(WireReader message) {
  while (message.Next()) {
    switch (message.field()) {
      case GraphField::kNode:
        nodes_.push_back(ReadNode(message.Message()));
        break;
      case GraphField::kName:
        graph_.name = message.Text();
        break;
      case GraphField::kInitializer:
        AddInitializer(ReadTensor(message.Message(), source_));
        break;
      case GraphField::kSparseInitializer:
        AddInitializer(ReadSparseTensor(message.Message(), source_));
        break;
      case GraphField::kDoc:
        graph_.doc = message.Text();
        break;
      case GraphField::kInput:
        inputs_.push_back(message.Message());
        break;
      case GraphField::kOutput:
        outputs_.push_back(message.Message());
        break;
      case GraphField::kValueInfo:
        value_infos_.push_back(message.Message());
        break;
      default:
        graph_.opaque_graph_fields += message.Keep();
    }
  }
}

GraphReader::RawNode GraphReader::ReadNode(WireReader message) {
  RawNode raw;
  while (message.Next()) {
    switch (message.field()) {
      case NodeField::kInput:
        raw.inputs.push_back(message.Text());
        break;
      case NodeField::kOutput:
        raw.outputs.push_back(message.Text());
        break;
      case NodeField::kName:
        raw.node.name = message.Text();
        break;
      case NodeField::kOpType:
        raw.node.op_type = message.Text();
        break;
      case NodeField::kAttribute:
        raw.attributes.push_back(message.Message());
        break;
      case NodeField::kDoc:
        raw.node.doc = message.Text();
        break;
      case NodeField::kDomain:
        raw.node.domain = NormalizedDomain(message.Text());
        break;
      default:
        raw.node.opaque_fields += message.Keep();
    }
  }
  if (raw.node.op_type.empty()) {
    Fail(ErrorCode::kInvalidModel, "{} has no operator type",
         Label(raw.node, raw.outputs));
  }
  if (!raw.node.name.empty()) raw.node.user_names = {raw.node.name};
  return raw;
}

ValueId GraphReader::Define(std::string_view name, const std::string& by) {
  if (name.empty()) {
    Fail(ErrorCode::kInvalidModel, "{} defines a tensor without a name", by);
  }
  if (graph_.FindValue(name) != kNoValue) {
    Fail(ErrorCode::kInvalidModel,
         "tensor '{}' is defined twice, the second time by {}", name, by);
  }
  const ValueId id = graph_.AddValue(name);
  graph_.value(id).user_name = name;
  return id;
}

void GraphReader::AddInitializer(NamedTensor named) {
  const ValueId id = Define(named.name, "the initializers");
  Value& value = graph_.value(id);
  value.dtype = named.tensor.dtype();
  value.shape = Shape::Of(named.tensor.dims());
  value.constant = std::move(named.tensor);
  value.opaque_fields = std::move(named.opaque_fields);
}

void GraphReader::AddInput(WireReader message) {
  const Value described = ReadValueInfo(message);
  const ValueId known = graph_.FindValue(described.name);
  if (known != kNoValue && graph_.value(known).is_constant()) {
    if (depth_ == 0) return;
    Fail(ErrorCode::kUnsupported,
         "nested graph '{}': input '{}' has a default value", graph_.name,
         described.name);
  }
  input_ids_.push_back(Define(described.name, "the inputs"));
  DescribeValue(described);
}

// A file may describe tensors it does not define; constants know better.
void GraphReader::DescribeValue(const Value& described) {
  const ValueId id = graph_.FindValue(described.name);
  if (id == kNoValue || graph_.value(id).is_constant()) return;
  Value& value = graph_.value(id);
  if (described.dtype != DType::kUndefined) value.dtype = described.dtype;
  if (described.shape.has_rank()) value.shape = described.shape;
  if (!described.type_bytes.empty()) value.type_bytes = described.type_bytes;
  // An input that is an output, too, is described twice, and written so.
  if (value.opaque_fields.find(described.opaque_fields) == std::string::npos) {
    value.opaque_fields += described.opaque_fields;
  }
}

void GraphReader::DefineOutputs(RawNode& raw) {
  const std::string label = Label(raw.node, raw.outputs);
  for (const std::string& name : raw.outputs) {
    raw.node.outputs.push_back(name.empty() ? kNoValue : Define(name, label));
  }
}

ValueId GraphReader::Resolve(std::string_view name, const std::string& reader) {
  if (name.empty()) return kNoValue;
  const ValueId known = graph_.FindValue(name);
  if (known != kNoValue) return known;
  if (depth_ == 0) {
    Fail(ErrorCode::kInvalidModel,
         "{} reads tensor '{}', which nothing defines", reader, name);
  }
  const ValueId id = graph_.AddCapture(name);
  graph_.value(id).user_name = name;
  return id;
}

void GraphReader::FinishNode(RawNode raw) {
  const std::string label = Label(raw.node, raw.outputs);
  for (const std::string& name : raw.inputs) {
    raw.node.inputs.push_back(Resolve(name, label));
  }
  try {
    for (const WireReader& attribute : raw.attributes) {
      ReadAttribute(attribute, source_, depth_, raw.node.attributes);
    }
  } catch (const Error& error) {
    throw error.In(label);
  }
  for (const auto& [key, attribute] : raw.node.attributes) {
    const auto* box = std::get_if<GraphBox>(&attribute);
    if (box == nullptr) continue;
    const Graph& nested = **box;
    for (const ValueId id : nested.captures()) {
      raw.node.captures.push_back(
          Resolve(nested.value(id).name, "the nested graph of " + label));
    }
  }
  graph_.AddNode(std::move(raw.node));
}

void DescribeCaptures(Graph& graph) {
  for (const NodeId node_id : graph.order()) {
    Node& node = graph.node(node_id);
    size_t next = 0;
    for (auto& [key, attribute] : node.attributes) {
      auto* box = std::get_if<GraphBox>(&attribute);
      if (box == nullptr) continue;
      for (const ValueId id : (*box)->captures()) {
        const Value& outer = graph.value(node.captures[next++]);
        Value& inner = (*box)->value(id);
        inner.dtype = outer.dtype;
        inner.shape = outer.shape;
        inner.type_bytes = outer.type_bytes;
      }
      DescribeCaptures(**box);
    }
  }
}

void ShareOpsets(Graph& graph) {
  ForEachGraph(graph, [&](Graph& nested) {
    if (&nested == &graph) return;
    nested.opset = graph.opset;
    nested.ir_version = graph.ir_version;
  });
}

}  // namespace squint
