// MatMulInteger: 8-bit matrices minus their zero points, multiplied into
// int32. A file has it behind DynamicQuantizeLinear.
#include <algorithm>
#include <utility>

#include "squint/ops/matrix_sums.h"
#include "squint/ops/op.h"
#include "squint/ops/operand_params.h"

namespace squint {
namespace {

void InferMatMulInteger(InferContext& context) {
  context.SetOutput(0, DType::kInt32,
                    MatMulShape(context.shape(0), context.shape(1)));
}

Tensor Unshifted(const RunContext& context, size_t input, size_t zero_input,
                 int axis) {
  return CenteredOperand(
      context.in(input),
      context.has(zero_input) ? &context.in(zero_input) : nullptr, axis);
}

void RunMatMulInteger(RunContext& context) {
  MatrixSums product =
      MatMulSums(Unshifted(context, 0, 2, -2), Unshifted(context, 1, 3, -1));
  Tensor y(DType::kInt32, std::move(product.dims));
  std::transform(product.sums.begin(), product.sums.end(),
                 y.mutable_data<int32_t>(),
                 [](double sum) { return static_cast<int32_t>(sum); });
  context.outputs[0] = std::move(y);
}

QuantSpec MatMulIntegerRule(const QuantizeQuery&) {
  return QuantSpec::Float("it multiplies integers already");
}

}  // namespace

extern constinit const OpDef kMatMulIntegerOp = {
    .type = "MatMulInteger",
    .since = 10,
    .infer = InferMatMulInteger,
    .reference = RunMatMulInteger,
    .quantize = MatMulIntegerRule,
};

}  // namespace squint
