#include "squint/ops/matmul_to_bytes.h"

#include <string>
#include <utility>

#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"
#include "squint/ops/part.h"
#include "squint/ops/qlinear_form.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/ops/qlinear_prepare.h"
#include "squint/ops/quant_rules.h"

namespace squint {
namespace {

using At = ToBytesInputs;

RealFunction FunctionOf(const Node& node) {
  const std::string name = node.String("function", "");
  if (name.empty()) return RealFunction::kNone;
  if (name == "Gelu") return RealFunction::kGelu;
  if (name == "GeluByTanh") return RealFunction::kGeluByTanh;
  Fail(ErrorCode::kInvalidModel,
       "function is '{}', expected Gelu or GeluByTanh", name);
}

void CheckInputs(const Node& node) { CheckInputCount(node, At::kZero + 1); }

void InferToBytes(InferContext& context) {
  CheckInputs(context.node());
  FunctionOf(context.node());
  context.SetOutput(0, context.dtype(At::kZero),
                    InferPart(context, ProductOfToBytes(context.node())));
}

Tensor Applied(RealFunction function, Tensor x) {
  if (function == RealFunction::kNone) return x;
  Node gelu;
  gelu.op_type = "Gelu";
  if (function == RealFunction::kGeluByTanh) gelu.Set("approximate", "tanh");
  return RunPart(std::move(gelu), {&x});
}

void RunToBytes(RunContext& context) {
  CheckInputs(context.node);
  const Node product = ProductOfToBytes(context.node);
  const auto& in = context.inputs;
  const Tensor real = Applied(
      FunctionOf(context.node),
      RunPart(product, {in.begin(), in.begin() + static_cast<int64_t>(
                                                     product.inputs.size())}));
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

}  // namespace

Node ProductOfToBytes(const Node& node) {
  return PartUpTo(node, "MatMulIntegerToFloat", At::kBias);
}

extern constinit const OpDef kMatMulIntegerToBytesOp = {
    .type = "MatMulIntegerToBytes",
    .domain = "squint",
    .infer = InferToBytes,
    .reference = RunToBytes,
    .quantize = StoredIntegersRule,
    .prepare = PrepareToBytes,
};

}  // namespace squint
