// MatMul and Gemm with a constant weight of 2, 4 or 8 bits, in groups along K,
// with a scale per column or with one: the weight stays in its bits. Null for
// any other: it is dequantized then.
#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/base/file.h"
#include "squint/kernels/gemv/gemv.h"
#include "squint/ops/matrix_bias.h"
#include "squint/ops/prepare.h"
#include "squint/tensor/quantize_slice.h"

namespace squint {
namespace {

using Packed = std::shared_ptr<const PackedGroups>;

class StoredProductStep : public Step {
 public:
  StoredProductStep(int64_t rows, Packed weight, MatrixBias bias,
                    std::pair<float, float> clamp)
      : rows_(rows),
        weight_(std::move(weight)),
        bias_(std::move(bias)),
        clamp_(clamp) {}

  void Run(const StepArgs& args) const override {
    GroupedGemv({.m = rows_,
                 .x = FloatInput(args, 0),
                 .x_stride = weight_->k,
                 .weight = *weight_,
                 .y = FloatOutput(args),
                 .y_stride = weight_->n,
                 .epilogue = bias_.EpilogueFor(args, clamp_),
                 .scratch = static_cast<float*>(args.scratch)},
                args.pool);
  }
  size_t scratch_bytes() const override {
    return static_cast<size_t>(GroupedGemvScratch(rows_, *weight_)) *
           sizeof(float);
  }

 private:
  int64_t rows_;
  Packed weight_;
  MatrixBias bias_;
  std::pair<float, float> clamp_;
};

bool IsFewBits(DType dtype) { return IsInteger(dtype) && BitsOf(dtype) <= 8; }

// The stored weight as the kernel takes it, but for the numbers: a matrix
// whose axis `k_axis` is summed over.
std::optional<GroupedWeight> ShapeOf(const Tensor& weight,
                                     const QuantParams& params, int k_axis) {
  if (weight.rank() != 2 || !IsFewBits(weight.dtype())) return std::nullopt;
  const int n_axis = 1 - k_axis;
  GroupedWeight shape;
  shape.k = weight.dim(k_axis);
  shape.n = weight.dim(n_axis);
  shape.bits = BitsOf(weight.dtype());
  shape.is_signed = IsSigned(weight.dtype());
  shape.row_step = k_axis == 0 ? shape.n : 1;
  shape.column_step = k_axis == 0 ? 1 : shape.k;
  if (params.per_tensor()) {
    shape.scale_column = 0;
  } else if (params.block == 0) {
    if (params.axis != n_axis) return std::nullopt;
  } else {
    const int64_t groups = (shape.k + params.block - 1) / params.block;
    const bool whole = groups == 1;
    if (params.axis != k_axis || (!whole && params.block % kGroupUnit != 0)) {
      return std::nullopt;
    }
    shape.group = whole ? 0 : params.block;
    shape.scale_row = k_axis == 0 ? shape.n : 1;
    shape.scale_column = k_axis == 0 ? 1 : groups;
  }
  return shape;
}

Packed Pack(const PrepareContext& context, const GroupedWeight& shape,
            float alpha) {
  const QuantParams& params = *context.stored[1];
  const Tensor weight = context.constants[1]->Materialize();
  std::vector<float> scales = params.scale.ToFloats();
  for (float& scale : scales) scale *= alpha;
  std::vector<int32_t> zeros;
  if (!params.zero_point.empty()) {
    for (const int64_t zero : params.zero_point.ToInts()) {
      zeros.push_back(static_cast<int32_t>(zero));
    }
  }
  GroupedWeight full = shape;
  full.data = weight.raw();
  full.scales = scales.data();
  full.zeros = zeros.empty() ? nullptr : zeros.data();
  auto packed = std::make_shared<const PackedGroups>(PackGroups(full));
  ReleasePages({weight.raw(), weight.bytes()});
  return packed;
}

// Weights that are finite numbers.
bool AreFinite(const Tensor& scales, DType dtype) {
  const auto largest = static_cast<float>(int64_t{1} << BitsOf(dtype));
  const std::vector<float> values = scales.ToFloats();
  return std::ranges::all_of(
      values, [&](float scale) { return std::isfinite(scale * largest); });
}

// Rows of a [..., K] times the stored matrix.
std::unique_ptr<Step> PrepareProduct(const PrepareContext& context, int k_axis,
                                     float alpha, MatrixBias bias) {
  const QuantParams* params = context.stored[1];
  // Rows that are a stored constant, too, are for the real numbers.
  if (context.stored[0] != nullptr || params == nullptr ||
      params->kind != QuantKind::kStatic || params->scale.empty() ||
      params->real_dtype != DType::kFloat32) {
    return nullptr;
  }
  const Tensor& weight = *context.constants[1];
  const auto shape = ShapeOf(weight, *params, k_axis);
  if (!shape || weight.size() == 0 ||
      !AreFinite(params->scale, weight.dtype())) {
    return nullptr;
  }
  const Granularity checked(weight.dims(), *params);
  Packed packed = context.packs.Get<PackedGroups>(
      context.pack_key + "/groups",
      [&] { return Pack(context, *shape, alpha); });
  return std::make_unique<StoredProductStep>(
      ElementCount(context.output_dims[0]) / shape->n, std::move(packed),
      std::move(bias), ClampOrNone(context));
}

}  // namespace

std::unique_ptr<Step> PrepareStoredMatMul(const PrepareContext& context) {
  if (!AllFloat(context)) return nullptr;
  return PrepareProduct(context, 0, 1.0f, {});
}

std::unique_ptr<Step> PrepareStoredGemm(const PrepareContext& context) {
  if (!AllFloat(context) || context.node.Int("transA", 0) != 0) return nullptr;
  // A quantized C is for the real numbers.
  if (context.has(2) && context.stored[2] != nullptr) return nullptr;
  auto bias = MatrixBias::Of(context);
  if (!bias) return nullptr;
  return PrepareProduct(context, context.node.Int("transB", 0) != 0 ? 1 : 0,
                        context.node.Float("alpha", 1.0f), *std::move(bias));
}

}  // namespace squint
