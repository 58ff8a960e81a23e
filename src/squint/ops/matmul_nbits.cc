// com.microsoft::MatMulNBits: a float matrix times a weight of 2, 4 or 8
// bits in blocks along K, dequantized; a bias may follow.
#include <utility>

#include "squint/ops/element_types.h"
#include "squint/ops/matrix_sums.h"
#include "squint/ops/nbits_weight.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

enum Input : size_t { kA, kB, kScales, kZeroPoints, kGroupIndex, kBias };

void InferMatMulNBits(InferContext& context) {
  const NBitsShape shape = ReadNBitsShape(context.node());
  context.SetOutput(
      0, context.dtype(kA),
      MatMulShape(context.shape(kA), Shape::Of({shape.k, shape.n})));
}

void AddBias(const Tensor& bias, Tensor& y) {
  const int64_t n = y.dim(y.rank() - 1);
  if (bias.size() != n) {
    Fail(ErrorCode::kInvalidModel, "bias is {}, expected {} elements",
         DimsToString(bias.dims()), n);
  }
  const std::vector<float> values = bias.ToFloats();
  float* out = y.mutable_data<float>();
  for (int64_t i = 0; i < y.size(); ++i) {
    out[i] += values[static_cast<size_t>(i % n)];
  }
}

void RunMatMulNBits(RunContext& context) {
  const auto optional = [&](size_t i) {
    return context.has(i) ? &context.in(i) : nullptr;
  };
  const NBitsShape shape = ReadNBitsShape(context.node);
  const Tensor weight =
      NBitsMatrix(shape, context.in(kB), context.in(kScales),
                  optional(kZeroPoints), optional(kGroupIndex));
  MatrixSums product = MatMulSums(InComputeType(context.in(kA)), weight);
  Tensor y = ToFloat32(product.sums, std::move(product.dims));
  if (context.has(kBias)) AddBias(context.in(kBias), y);
  context.outputs[0] = FromComputeType(std::move(y), context.in(kA).dtype());
}

QuantSpec MatMulNBitsRule(const QuantizeQuery&) {
  return QuantSpec::Float("its weight is quantized already");
}

}  // namespace

extern constinit const OpDef kMatMulNBitsOp = {
    .type = "MatMulNBits",
    .domain = "com.microsoft",
    .infer = InferMatMulNBits,
    .reference = RunMatMulNBits,
    .quantize = MatMulNBitsRule,
};

}  // namespace squint
