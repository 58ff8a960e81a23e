#include "squint/ops/matmul_to_bytes.h"

#include <map>
#include <string>
#include <utility>

#include "squint/ops/infer.h"
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/qlinear_prepare.h"

namespace squint {
namespace {

using At = ToBytesInputs;

const OpDef& Row(std::string_view type, std::string_view domain) {
  const OpDef* op = FindOp(type, domain);
  CheckInternal(op != nullptr, "MatMulIntegerToBytes: a part is no operator");
  return *op;
}
const OpDef& ProductRow() {
  return Row("MatMulIntegerToFloat", "com.microsoft");
}

RealFunction FunctionOf(const Node& node) {
  const std::string name = node.String("function", "");
  if (name.empty()) return RealFunction::kNone;
  if (name == "Gelu") return RealFunction::kGelu;
  if (name == "GeluByTanh") return RealFunction::kGeluByTanh;
  Fail(ErrorCode::kInvalidModel,
       "function is '{}', expected Gelu or GeluByTanh", name);
}

void CheckInputs(const Node& node) {
  if (node.inputs.size() != At::kZero + 1) {
    Fail(ErrorCode::kInvalidModel, "has {} inputs, expected {}",
         node.inputs.size(), At::kZero + 1);
  }
}

void InferToBytes(InferContext& context) {
  CheckInputs(context.node());
  FunctionOf(context.node());
  Graph graph;
  Node product = ProductOfToBytes(context.node());
  for (size_t i = 0; i < product.inputs.size(); ++i) {
    if (product.inputs[i] == kNoValue) continue;
    product.inputs[i] = graph.AddInput("x", context.dtype(i), context.shape(i));
  }
  product.outputs = {graph.AddValue("y")};
  const NodeId id = graph.AddNode(std::move(product));
  const std::map<ValueId, DimTensor> contents;
  InferContext inner(graph, graph.node(id), contents);
  InferChecked(ProductRow(), inner);
  context.SetOutput(0, context.dtype(At::kZero), inner.results()[0].shape);
}

Tensor RunPart(const OpDef& op, const Node& node,
               std::vector<const Tensor*> inputs) {
  RunContext context{node, std::move(inputs), {}, {}, {}};
  context.input_quant.resize(context.inputs.size());
  context.output_quant.resize(1);
  context.outputs.resize(1);
  (op.integer_reference != nullptr ? op.integer_reference
                                   : op.reference)(context);
  return std::move(context.outputs[0]);
}

Tensor Applied(RealFunction function, Tensor x) {
  if (function == RealFunction::kNone) return x;
  Node gelu;
  gelu.op_type = "Gelu";
  gelu.outputs = {0};
  if (function == RealFunction::kGeluByTanh) gelu.Set("approximate", "tanh");
  return RunPart(Row("Gelu", ""), gelu, {&x});
}

void RunToBytes(RunContext& context) {
  CheckInputs(context.node);
  Node product = ProductOfToBytes(context.node);
  product.outputs = {0};
  const auto& in = context.inputs;
  const Tensor real = Applied(
      FunctionOf(context.node),
      RunPart(ProductRow(), product,
              {in.begin(),
               in.begin() + static_cast<int64_t>(product.inputs.size())}));
  context.outputs[0] = QuantizeTensor(
      real, OperandParams(*in[At::kZero], in[At::kScale], in[At::kZero], -1));
}

std::unique_ptr<Step> PrepareToBytes(const PrepareContext& context) {
  const auto form = QLinearFormOf(ProductOfToBytes(context.node));
  const auto grid =
      ByteGridOf(context, At::kScale, At::kZero, context.output_dtypes[0]);
  if (!form || !grid) return nullptr;
  return PrepareDynamicProduct(context, *form,
                               RealResult{FunctionOf(context.node), *grid});
}

QuantSpec ToBytesRule(const QuantizeQuery&) {
  return QuantSpec::Float("it computes with integers already");
}

}  // namespace

Node ProductOfToBytes(const Node& node) {
  Node product;
  product.op_type = "MatMulIntegerToFloat";
  product.domain = "com.microsoft";
  product.name = node.name;
  const size_t count = At::kBias + (node.has_input(At::kBias) ? 1 : 0);
  for (size_t i = 0; i < count; ++i) product.inputs.push_back(node.input(i));
  return product;
}

extern constinit const OpDef kMatMulIntegerToBytesOp = {
    .type = "MatMulIntegerToBytes",
    .domain = "squint",
    .infer = InferToBytes,
    .reference = RunToBytes,
    .quantize = ToBytesRule,
    .prepare = PrepareToBytes,
};

}  // namespace squint
