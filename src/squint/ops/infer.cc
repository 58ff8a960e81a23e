#include "squint/ops/infer.h"

#include <algorithm>
#include <utility>

#include "squint/ops/signature.h"
#include "squint/tensor/rank.h"

namespace squint {
namespace {

void CheckRank(const Shape& shape) {
  if (!shape.has_rank() || shape.rank() <= kMaxRank) return;
  Fail(ErrorCode::kUnsupported,
       "a result has {} dimensions, Squint takes up to {}", shape.rank(),
       kMaxRank);
}

}  // namespace

void InferChecked(const OpDef& op, InferContext& context) {
  CheckSignature(context);
  op.infer(context);
  for (const InferContext::Result& result : context.results()) {
    CheckRank(result.shape);
  }
}

std::vector<InferContext::Result> InferNode(
    const Graph& graph, const Node& node,
    const std::map<ValueId, DimTensor>& dim_tensors) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->infer == nullptr) {
    return std::vector<InferContext::Result>(node.outputs.size());
  }
  InferContext context(graph, node, dim_tensors);
  try {
    InferChecked(*op, context);
  } catch (const Error& error) {
    throw error.In(NodeLabel(graph, node));
  }
  return context.results();
}

namespace {

// What shapes may depend on.
std::optional<DimTensor> ContentOf(const Tensor& tensor) {
  constexpr int64_t kMaxContent = 1024;
  const bool counts =
      tensor.dtype() == DType::kInt64 || tensor.dtype() == DType::kInt32;
  if (!counts || tensor.rank() > 1 || tensor.size() > kMaxContent) {
    return std::nullopt;
  }
  const std::vector<int64_t> values = tensor.ToInts();
  return DimTensor{{values.begin(), values.end()}, tensor.rank() == 0};
}

}  // namespace

std::vector<InferContext::Result> InferFromTensors(
    const Graph& graph, const Node& node,
    const std::vector<const Tensor*>& inputs) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (node.has_graphs() || op == nullptr || op->infer == nullptr) return {};
  Graph types;  // nothing but the inputs, as they are at hand
  types.opset = graph.opset;
  std::map<ValueId, DimTensor> contents;
  Node alone = node;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] == nullptr) continue;
    const Value& value = graph.value(node.inputs[i]);
    const ValueId id = types.AddValue(
        value.name, value.quant ? value.dtype : inputs[i]->dtype(),
        Shape::Of(inputs[i]->dims()));
    if (value.is_constant() && !value.quant) {
      types.value(id).constant = *inputs[i];
    }
    if (auto content = ContentOf(*inputs[i])) {
      contents[id] = std::move(*content);
    }
    alone.inputs[i] = id;
  }
  for (ValueId& output : alone.outputs) {
    if (output == kNoValue) continue;
    const Value& value = graph.value(output);
    output = types.AddValue(value.name, value.dtype, value.shape);
  }
  InferContext context(types, alone, contents);
  InferChecked(*op, context);
  return context.results();
}

void CheckResultSize(DType dtype, const Dims& dims, size_t limit) {
  Dims walked = dims;
  for (int64_t& dim : walked) dim = dim == 0 ? 1 : dim;
  if (BytesOf(dtype, ElementCount(walked)) <= limit) return;
  Fail(ErrorCode::kOutOfMemory,
       "a result {}{} would pass the memory limit of {} bytes",
       DTypeName(dtype), DimsToString(dims), limit);
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
