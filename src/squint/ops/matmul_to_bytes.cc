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

void CheckInputs(const Node& node) { CheckInputCount(node, At::kCount); }

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
  Tensor real = Applied(
      FunctionOf(context.node),
      RunPart(product, {in.begin(), in.begin() + static_cast<int64_t>(
                                                     product.inputs.size())}));
  if (context.has(At::kFactor)) {
    const Dims dims = real.dims();
    real = RunPart(PartOf("Mul"), {&real, in[At::kFactor]});
    if (real.dims() != dims) {
      Fail(ErrorCode::kInvalidModel, "factors make {} of {}",
           DimsToString(real.dims()), DimsToString(dims));
    }
  }
  context.outputs[0] = QuantizeTensor(
      real, OperandParams(*in[At::kZero], in[At::kScale], in[At::kZero], -1));
}

// Factors are absent, or one for each column.
bool HasFactors(const PrepareContext& context) {
  if (!context.has(At::kFactor)) return true;
  const Dims& y = context.output_dims[0];
  return context.input_dtypes[At::kFactor] == DType::kFloat32 && !y.empty() &&
         context.input_dims[At::kFactor] == Dims{y.back()};
}

std::unique_ptr<Step> PrepareToBytes(const PrepareContext& context) {
  const auto form = QLinearFormOf(ProductOfToBytes(context.node));
  const auto grid =
      ByteGridOf(context, At::kScale, At::kZero, context.output_dtypes[0]);
  if (!form || !grid || !HasFactors(context)) return nullptr;
  RealResult result{FunctionOf(context.node), *grid};
  if (context.has(At::kFactor)) result.factor = At::kFactor;
  return PrepareDynamicProduct(context, *form, result);
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
