#include "squint/ops/part.h"

#include <map>
#include <utility>

#include "squint/base/error.h"

namespace squint {
namespace {

const OpDef& Row(const Node& part) {
  const OpDef* op = FindOp(part.op_type, part.domain);
  CheckInternal(op != nullptr, "a part is no operator");
  return *op;
}

}  // namespace

void CheckInputCount(const Node& node, size_t count) {
  if (node.inputs.size() == count) return;
  Fail(ErrorCode::kInvalidModel, "has {} inputs, expected {}",
       node.inputs.size(), count);
}

Node PartOf(std::string_view op_type) {
  Node part;
  part.op_type = op_type;
  return part;
}

Node PartUpTo(const Node& node, std::string_view op_type, size_t last) {
  Node part;
  part.op_type = op_type;
  part.domain = "com.microsoft";
  part.name = node.name;
  const size_t count = last + (node.has_input(last) ? 1 : 0);
  for (size_t i = 0; i < count; ++i) part.inputs.push_back(node.input(i));
  return part;
}

Shape InferPart(const InferContext& context, Node part, const Shape* first) {
  std::vector<InferContext::Result> inputs;
  for (size_t i = 0; i < part.inputs.size(); ++i) {
    const bool given = i == 0 && first != nullptr;
    inputs.push_back({context.dtype(i), given ? *first : context.shape(i), {}});
  }
  return InferPart(std::move(part), inputs).shape;
}

InferContext::Result InferPart(Node part,
                               std::span<const InferContext::Result> inputs) {
  Graph graph;
  for (size_t i = 0; i < part.inputs.size(); ++i) {
    if (part.inputs[i] == kNoValue) continue;
    part.inputs[i] = graph.AddInput("x", inputs[i].dtype, inputs[i].shape);
  }
  part.outputs = {graph.AddValue("y")};
  const NodeId id = graph.AddNode(std::move(part));
  const std::map<ValueId, DimTensor> contents;
  InferContext inner(graph, graph.node(id), contents);
  InferChecked(Row(graph.node(id)), inner);
  return inner.results()[0];
}

Tensor RunPart(Node part, std::vector<const Tensor*> inputs) {
  part.outputs = {0};
  RunContext context{part, std::move(inputs), {}, {}, {}};
  context.input_quant.resize(context.inputs.size());
  context.output_quant.resize(1);
  context.outputs.resize(1);
  const OpDef& op = Row(part);
  const auto run =
      op.integer_reference != nullptr ? op.integer_reference : op.reference;
  run(context);
  return std::move(context.outputs[0]);
}

}  // namespace squint
