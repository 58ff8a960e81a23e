#include "squint/onnx/functions.h"

#include <memory>
#include <utility>

#include "squint/base/context.h"
#include "squint/base/error.h"
#include "squint/onnx/attribute_reader.h"
#include "squint/onnx/entries.h"
#include "squint/onnx/graph_reader.h"
#include "squint/onnx/proto_fields.h"
#include "squint/onnx/rope.h"
#include "squint/onnx/wire.h"

namespace squint {
namespace {

// Function inputs and outputs have no types.
Rope NameOnly(std::string_view name) {
  Rope info;
  info.AddBytes(ValueInfoField::kName, name);
  return info;
}

// Sorts one field into `function`, or into the GraphProto that its body is.
void ReadFunctionField(WireReader& message, TensorSource& source,
                       ModelFunction& function, Rope& graph) {
  switch (message.field()) {
    case FunctionField::kName:
      function.name = message.Text();
      break;
    case FunctionField::kDomain:
      function.domain = NormalizedDomain(message.Text());
      break;
    case FunctionField::kOverload:
      function.overload = message.Text();
      break;
    case FunctionField::kAttribute:
      function.attributes.push_back(message.Text());
      break;
    case FunctionField::kAttributeProto:
      ReadAttribute(message.Message(), source, 0, function.defaults);
      break;
    case FunctionField::kOpsetImport:
      ReadOpset(message.Message(), function.body.opset);
      break;
    case FunctionField::kInput:
      graph.AddMessage(GraphField::kInput, NameOnly(message.Bytes()));
      break;
    case FunctionField::kOutput:
      graph.AddMessage(GraphField::kOutput, NameOnly(message.Bytes()));
      break;
    case FunctionField::kNode:
      graph.AddBytes(GraphField::kNode, message.Bytes());
      break;
    case FunctionField::kValueInfo:
      graph.AddBytes(GraphField::kValueInfo, message.Bytes());
      break;
    default:
      message.Skip();
  }
}

ModelFunction ReadFunction(WireReader message, const Graph& model,
                           TensorSource source) {
  ModelFunction function;
  Rope graph;
  while (message.Next()) {
    ReadFunctionField(message, source, function, graph);
  }
  const auto bytes = std::make_shared<const std::string>(graph.ToString());
  source.owner = bytes;
  try {
    Graph body = GraphReader(source, 0).Read(WireReader(*bytes));
    body.opset = function.body.opset.empty() ? model.opset
                                             : std::move(function.body.opset);
    body.ir_version = model.ir_version;
    body.name = function.name;
    ShareOpsets(body);
    VerifyGraph(body, true);
    function.body = std::move(body);
  } catch (const Error& error) {
    throw error.In(fmt::format("function '{}'", function.name));
  }
  return function;
}

}  // namespace

std::vector<ModelFunction> ReadFunctions(const Graph& graph,
                                         const std::filesystem::path& model) {
  const auto bytes =
      std::make_shared<const std::string>(graph.opaque_model_fields);
  ExternalFiles external(model);
  const TensorSource source{bytes, external, Context().memory_limit};
  std::vector<ModelFunction> functions;
  WireReader message(*bytes);
  while (message.Next()) {
    if (message.field() == ModelField::kFunctions) {
      functions.push_back(ReadFunction(message.Message(), graph, source));
    } else {
      message.Skip();
    }
  }
  return functions;
}

void DropFunctions(Graph& graph) {
  std::string kept;
  WireReader message(graph.opaque_model_fields);
  while (message.Next()) {
    const bool is_function = message.field() == ModelField::kFunctions;
    const std::string_view whole = message.Keep();
    if (!is_function) kept += whole;
  }
  graph.opaque_model_fields = std::move(kept);
}

std::string ReferredAttribute(const Attribute& attribute) {
  const auto* opaque = std::get_if<OpaqueAttribute>(&attribute);
  if (opaque == nullptr) return "";
  std::string name;
  WireReader message(opaque->bytes);
  while (message.Next()) {
    if (message.field() == AttributeField::kRefName) {
      name = message.Text();
    } else {
      message.Skip();
    }
  }
  return name;
}

std::string OverloadOf(const Node& node) {
  std::string overload;
  WireReader message(node.opaque_fields);
  while (message.Next()) {
    if (message.field() == NodeField::kOverload) {
      overload = message.Text();
    } else {
      message.Skip();
    }
  }
  return overload;
}

}  // namespace squint
