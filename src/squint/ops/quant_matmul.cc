// MatMulInteger: 8-bit matrices minus their zero points, multiplied into
// int32. A file has it behind DynamicQuantizeLinear.
#include <algorithm>
#include <utility>

#include "squint/ops/integer_sums.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

void InferMatMulInteger(InferContext& context) {
  context.SetOutput(0, DType::kInt32,
                    MatMulShape(context.shape(0), context.shape(1)));
}

// q - zero point: one for the tensor, or one for each index of `axis`.
Tensor Unshifted(const RunContext& context, size_t input, size_t zero_input,
                 int axis) {
  const Tensor& q = context.in(input);
  QuantParams params;
  params.dtype = q.dtype();
  if (context.has(zero_input)) {
    const Tensor& zero = context.in(zero_input);
    const bool one = zero.size() == 1;
    if (!one && (axis < 0 || zero.size() != q.dim(axis))) {
      Fail(ErrorCode::kUnsupported, "a zero point of {} for a matrix of {}",
           DimsToString(zero.dims()), DimsToString(q.dims()));
    }
    params.axis = one ? -1 : axis;
    params.zero_point = zero;
  }
  const int64_t scales =
      params.zero_point.empty() ? 1 : params.zero_point.size();
  params.scale = Tensor(DType::kFloat32, {scales});
  return Centered(q, params);
}

void RunMatMulInteger(RunContext& context) {
  const int rows = context.in(0).rank() - 2;
  const int columns = context.in(1).rank() - 1;
  MatrixSums product = MatMulSums(Unshifted(context, 0, 2, rows),
                                  Unshifted(context, 1, 3, columns));
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
