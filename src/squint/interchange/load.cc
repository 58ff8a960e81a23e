// File to graph with one meaning inside: every node means what it means in
// opset 25, Constant nodes are initializers, functions stand in their calls,
// nested graphs own the constants they read.
#include "squint/graph/captures.h"
#include "squint/interchange/fused.h"
#include "squint/interchange/inline.h"
#include "squint/interchange/interchange.h"
#include "squint/interchange/versions.h"
#include "squint/onnx/onnx.h"
#include "squint/ops/channel_range.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

// ONNX Runtime's own Q and DQ (for types that the standard ones once lacked)
// mean what the standard ones mean now.
void RenameOrtDuplicates(Graph& graph) {
  ForEachGraph(graph, [](Graph& each) {
    for (const NodeId id : each.order()) {
      Node& node = each.node(id);
      if (node.Is("QuantizeLinear", "com.microsoft") ||
          node.Is("DequantizeLinear", "com.microsoft")) {
        node.domain.clear();
      }
    }
  });
}

// Domain squint, and some attributes, are what passes write among themselves:
// the layout turns all of it into standard operators before a file is written.
void RefuseInternalNodes(const Graph& graph) {
  ForEachGraph(graph, [](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      if (node.Is("NhwcMaxPool", "com.microsoft") &&
          node.FindAttribute(kChannelsRead) != nullptr) {
        Fail(ErrorCode::kInvalidModel, "{}: no such attribute as '{}'",
             NodeLabel(each, node), kChannelsRead);
      }
      if (node.domain != "squint") continue;
      Fail(ErrorCode::kInvalidModel,
           "{}: operators of domain 'squint' are internal, no file has them",
           NodeLabel(each, node));
    }
  });
}

// Every standard operator of the graph is the same in opset 7.
bool IsAsInOldest(const Graph& graph, int64_t opset) {
  bool same = true;
  ForEachGraph(graph, [&](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      same = same && (!node.domain.empty() ||
                      DefinitionAt(node.op_type, opset) ==
                          DefinitionAt(node.op_type, kOldestOpset));
    }
  });
  return same;
}

int64_t CheckedOpset(const Graph& graph) {
  const auto it = graph.opset.find("");
  if (it == graph.opset.end()) return kMeaningOpset;  // other domains only
  if (it->second < kOldestOpset && !IsAsInOldest(graph, it->second)) {
    Fail(ErrorCode::kUnsupported,
         "the model is of opset {}; Squint reads opset {} and later: convert "
         "it first, for example with onnx.version_converter",
         it->second, kOldestOpset);
  }
  if (it->second > kNewestOpset) {
    Fail(ErrorCode::kUnsupported,
         "the model is of opset {}; Squint knows opsets up to {}: export it "
         "with a lower one",
         it->second, kNewestOpset);
  }
  return it->second;
}

template <typename T>
Tensor VectorTensor(const std::vector<T>& values) {
  return Tensor::Of<T>({static_cast<int64_t>(values.size())}, values);
}

// What a Constant node holds; empty for strings and sparse tensors, which
// stay nodes.
Tensor TensorOfConstant(const Node& node) {
  if (const Attribute* value = node.FindAttribute("value")) {
    const Tensor* tensor = std::get_if<Tensor>(value);
    return tensor != nullptr ? *tensor : Tensor();
  }
  if (node.FindAttribute("value_float") != nullptr) {
    return Tensor::Scalar<float>(node.Float("value_float", 0));
  }
  if (node.FindAttribute("value_int") != nullptr) {
    return Tensor::Scalar<int64_t>(node.Int("value_int", 0));
  }
  if (node.FindAttribute("value_ints") != nullptr) {
    return VectorTensor<int64_t>(node.Ints("value_ints"));
  }
  if (const Attribute* value = node.FindAttribute("value_floats")) {
    const auto* floats = std::get_if<std::vector<float>>(value);
    return floats != nullptr ? VectorTensor<float>(*floats) : Tensor();
  }
  return Tensor();
}

void TurnConstantsIntoInitializers(Graph& graph) {
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).Is("Constant")) continue;
    Tensor tensor = TensorOfConstant(graph.node(id));
    const ValueId output = graph.node(id).output();
    if (tensor.empty() || output == kNoValue) continue;
    graph.RemoveNode(id);
    Value& value = graph.value(output);
    value.dtype = tensor.dtype();
    value.shape = Shape::Of(tensor.dims());
    value.constant = std::move(tensor);
  }
}

// Empty names at the end say no more than no names.
void DropAbsentAtEnd(std::vector<ValueId>& values) {
  while (!values.empty() && values.back() == kNoValue) values.pop_back();
}

void UpgradeNodes(Graph& graph, const std::map<std::string, int64_t>& opsets) {
  for (const NodeId id : graph.order()) {
    Node& node = graph.node(id);
    const OpDef* op = FindOp(node.op_type, node.domain);
    if (op == nullptr) continue;
    DropAbsentAtEnd(node.inputs);
    if (op->upgrade == nullptr) continue;
    const auto opset = opsets.find(node.domain);
    const std::string label = NodeLabel(graph, node);
    UpgradeContext context{graph, id,
                           opset == opsets.end() ? 1 : opset->second};
    try {
      op->upgrade(context);
    } catch (const Error& error) {
      throw error.In(label);
    }
  }
}

// Findings about operators that a later opset than 25 redefines, and whether
// any standard operator is one that Squint does not know.
bool ReviewOperators(const Graph& graph, int64_t opset,
                     std::vector<std::string>& findings) {
  bool any_unknown = false;
  ForEachGraph(graph, [&](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      if (!node.domain.empty()) continue;
      any_unknown = any_unknown || IsUnknownStandard(node);
      if (opset > kMeaningOpset && !IsUnknownStandard(node) &&
          !MeansTheSame(node.op_type, opset, kMeaningOpset)) {
        findings.push_back(fmt::format(
            "{}: opset {} redefines the operator; it is read as of opset {}",
            NodeLabel(each, node), opset, kMeaningOpset));
      }
    }
  });
  return any_unknown;
}

// Everything but function calls; returns the opset that the graph was in.
int64_t UpgradeOwnNodes(Graph& graph, std::vector<std::string>& findings,
                        bool& any_unknown) {
  RefuseInternalNodes(graph);
  RenameOrtDuplicates(graph);
  const int64_t opset = CheckedOpset(graph);
  any_unknown = ReviewOperators(graph, opset, findings) || any_unknown;
  const std::map<std::string, int64_t> opsets = graph.opset;
  ForEachGraph(graph, [&](Graph& each) {
    TurnConstantsIntoInitializers(each);
    UpgradeNodes(each, opsets);
    each.SortTopologically();
    each.Compact();
    each.opset[""] = kMeaningOpset;
  });
  return opset;
}

// A function may be written in another opset than the model; an operator
// that Squint cannot upgrade must mean the same in both.
void CheckSameMeaning(const Graph& body, int64_t body_opset, int64_t opset) {
  ForEachGraph(body, [&](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      if (IsUnknownStandard(node) &&
          !MeansTheSame(node.op_type, body_opset, opset)) {
        Fail(ErrorCode::kUnsupported,
             "{} is of opset {} in a function and of opset {} in the model, "
             "and Squint does not know the operator",
             NodeLabel(each, node), body_opset, opset);
      }
    }
  });
}

void Upgrade(Graph& graph, const std::filesystem::path& path,
             std::vector<std::string>& findings) {
  const std::vector<ModelFunction> functions = ReadFunctions(graph, path);
  bool any_unknown = false;
  const int64_t opset = UpgradeOwnNodes(graph, findings, any_unknown);
  InlineFunctions(graph, functions, [&](Graph& body) {
    const int64_t own = UpgradeOwnNodes(body, findings, any_unknown);
    CheckSameMeaning(body, own, opset);
  });
  if (any_unknown) graph.opset[std::string(kFileOpset)] = opset;
  OwnCapturedConstants(graph);
  ForEachGraph(graph, [](Graph& each) { each.Compact(); });
  VerifyGraph(graph, true);
}

}  // namespace

LoadedModel LoadModel(const std::filesystem::path& path,
                      const Context& context) {
  ReadOnnxResult read = ReadOnnx(path, context);
  LoadedModel model;
  model.graph = std::move(read.graph);
  model.opset = model.graph.opset;
  model.hash = std::move(read.hash);
  model.file_bytes = read.file_bytes + read.external_bytes;
  try {
    Upgrade(model.graph, path, model.findings);
    InferResult inferred = InferShapes(model.graph);
    // Each round may learn a rank that the next operator needs.
    while (WriteOutFused(model.graph)) inferred = InferShapes(model.graph);
    for (std::string& finding : inferred.findings) {
      model.findings.push_back(std::move(finding));
    }
  } catch (const Error& error) {
    throw error.In(path.string());
  }
  return model;
}

}  // namespace squint
