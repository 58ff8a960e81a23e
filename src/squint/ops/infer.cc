#include "squint/ops/infer.h"

#include <utility>

namespace squint {

std::vector<InferContext::Result> InferNode(
    const Graph& graph, const Node& node,
    const std::map<ValueId, DimTensor>& dim_tensors) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->infer == nullptr) {
    return std::vector<InferContext::Result>(node.outputs.size());
  }
  InferContext context(graph, node, dim_tensors);
  try {
    op->infer(context);
  } catch (const Error& error) {
    throw error.In(NodeLabel(graph, node));
  }
  return context.results();
}

namespace {

// What a nested graph's captures hold, where the outer values' contents are
// known.
std::map<ValueId, DimTensor> ContentsOfCaptures(const InferContext& context,
                                                const Graph& body,
                                                size_t first) {
  std::map<ValueId, DimTensor> contents;
  for (size_t i = 0; i < body.captures().size(); ++i) {
    const ValueId outer = context.node().captures[first + i];
    if (const DimTensor* content = context.ContentOf(outer)) {
      contents[body.captures()[i]] = *content;
    }
  }
  return contents;
}

void TypeCaptures(const Graph& graph, const Node& node, Graph& body,
                  size_t first) {
  for (size_t i = 0; i < body.captures().size(); ++i) {
    const Value& outer = graph.value(node.captures[first + i]);
    Value& inner = body.value(body.captures()[i]);
    inner.dtype = outer.dtype;
    inner.shape = outer.shape;
  }
}

// Nested graphs see their captures with the outer values' types; what types
// their inputs have is the operator's business.
void InferNested(Graph& graph, NodeId id, InferResult& result) {
  Node& node = graph.node(id);
  if (!node.has_graphs()) return;
  const InferContext context(graph, node, result.dim_tensors);
  std::map<std::string, std::vector<std::string>, std::less<>> findings;
  const auto infer = [&](std::string_view wanted, Graph& body) {
    size_t captured = 0;
    ForEachBody(node, [&](const std::string& key, const Graph&, size_t first) {
      if (key == wanted) captured = first;
    });
    TypeCaptures(graph, node, body, captured);
    findings.insert_or_assign(
        std::string(wanted),
        InferShapes(body, ContentsOfCaptures(context, body, captured))
            .findings);
  };
  const OpDef* op = FindOp(node.op_type, node.domain);
  try {
    if (op != nullptr && op->infer_bodies != nullptr) {
      op->infer_bodies(context, node, infer);
    } else {
      ForEachBody(node, [&](const std::string& key, Graph& body, size_t) {
        infer(key, body);
      });
    }
  } catch (const Error& error) {
    throw error.In(NodeLabel(graph, node));
  }
  for (auto& [key, lines] : findings) {
    result.findings.insert(result.findings.end(), lines.begin(), lines.end());
  }
}

// Keeps the more informative of the declared and the inferred shape.
void Merge(Value& value, const InferContext::Result& inferred) {
  if (inferred.dtype != DType::kUndefined) value.dtype = inferred.dtype;
  if (!inferred.shape.has_rank()) return;
  if (!value.shape.has_rank() || value.shape.rank() != inferred.shape.rank()) {
    value.shape = inferred.shape;
    return;
  }
  DimList dims = inferred.shape.dims();
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i].is_unknown()) dims[i] = value.shape.dims()[i];
  }
  value.shape = Shape(std::move(dims));
}

}  // namespace

InferResult InferShapes(Graph& graph, std::map<ValueId, DimTensor> known) {
  InferResult result;
  result.dim_tensors = std::move(known);
  for (const NodeId id : graph.order()) {
    InferNested(graph, id, result);
    const Node& node = graph.node(id);
    if (FindOp(node.op_type, node.domain) == nullptr) {
      result.findings.push_back(
          fmt::format("{}: operator unknown, its results stay unknown",
                      NodeLabel(graph, node)));
    }
    const auto inferred = InferNode(graph, node, result.dim_tensors);
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId output = node.outputs[i];
      if (output == kNoValue) continue;
      Merge(graph.value(output), inferred[i]);
      if (inferred[i].content) {
        result.dim_tensors[output] = *inferred[i].content;
      }
      if (!graph.value(output).shape.has_rank() &&
          inferred[i].dtype != DType::kUndefined) {
        result.findings.push_back(fmt::format("{}: shape of '{}' is unknown",
                                              NodeLabel(graph, node),
                                              graph.value(output).name));
      }
    }
  }
  return result;
}

}  // namespace squint
