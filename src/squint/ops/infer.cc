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

// A nested graph sees its captures with the outer values' types.
void InferNested(Graph& graph, NodeId id, InferResult& result) {
  Node& node = graph.node(id);
  size_t capture = 0;
  for (auto& [key, attribute] : node.attributes) {
    auto* box = std::get_if<GraphBox>(&attribute);
    if (box == nullptr) continue;
    for (const ValueId inner : (*box)->captures()) {
      const Value& outer = graph.value(node.captures[capture++]);
      (*box)->value(inner).dtype = outer.dtype;
      (*box)->value(inner).shape = outer.shape;
    }
    InferResult nested = InferShapes(**box);
    for (std::string& finding : nested.findings) {
      result.findings.push_back(std::move(finding));
    }
  }
}

// Keeps the more informative of the declared and the inferred shape.
void Merge(Value& value, const InferContext::Result& inferred) {
  if (inferred.dtype != DType::kUndefined) value.dtype = inferred.dtype;
  if (!inferred.shape.has_rank()) return;
  if (!value.shape.has_rank() ||
      value.shape.rank() != inferred.shape.rank()) {
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

InferResult InferShapes(Graph& graph) {
  InferResult result;
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
      if (!graph.value(output).shape.has_rank() && inferred[i].dtype !=
          DType::kUndefined) {
        result.findings.push_back(
            fmt::format("{}: shape of '{}' is unknown", NodeLabel(graph, node),
                        graph.value(output).name));
      }
    }
  }
  return result;
}

}  // namespace squint
