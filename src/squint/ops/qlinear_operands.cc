#include "squint/ops/qlinear_operands.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "squint/kernels/qgemm/qgemm.h"

namespace squint {
namespace {

// Nullopt unless both are constants of rank 1 at most, and the scales are
// positive numbers.
std::optional<Grid> GridOf(const PrepareContext& context,
                           std::optional<size_t> scale,
                           std::optional<size_t> zero_point) {
  const Tensor* scales = ConstantAt(context, scale);
  if (scales == nullptr || scales->rank() > 1 || scales->size() == 0) {
    return std::nullopt;
  }
  Grid grid{scales->ToFloats(), {0}};
  if (!std::ranges::all_of(grid.scales, [](float s) { return s > 0; })) {
    return std::nullopt;
  }
  if (!zero_point) return grid;
  const Tensor* zeros = ConstantAt(context, zero_point);
  if (zeros == nullptr || zeros->rank() > 1 || zeros->size() == 0) {
    return std::nullopt;
  }
  grid.zeros.clear();
  for (const int64_t zero : zeros->ToInts()) {
    grid.zeros.push_back(static_cast<int32_t>(zero));
  }
  return grid;
}

int64_t LargestOf(const std::vector<int32_t>& values) {
  int64_t largest = 0;
  for (const int64_t v : values) largest = std::max(largest, std::abs(v));
  return largest;
}

bool ReadBias(const PrepareContext& context, const QLinearForm& form,
              int64_t channels, std::vector<int32_t>& bias) {
  if (form.inputs.size() < 3) return true;
  const Tensor* steps = ConstantAt(context, form.inputs[2].data);
  if (steps == nullptr || steps->dtype() != DType::kInt32 ||
      steps->size() != channels) {
    return false;
  }
  const auto values = steps->values<int32_t>();
  bias.assign(values.begin(), values.end());
  return true;
}

}  // namespace

std::optional<Grid> GridOf(const PrepareContext& context,
                           const QLinearOperand& operand) {
  return GridOf(context, operand.scale, operand.zero_point);
}

bool FitsInt32(const QLinearProduct& p, int64_t depth) {
  const bool symmetric = p.weight_is_signed && LargestOf(p.weight.zeros) == 0;
  const int64_t largest = symmetric ? 128 : 255;
  return depth <= kMaxQuantizedDepth &&
         depth * 255 * largest + LargestOf(p.bias) < (int64_t{1} << 31);
}

const Tensor* ConstantAt(const PrepareContext& context,
                         std::optional<size_t> input) {
  return input && *input < context.constants.size() ? context.constants[*input]
                                                    : nullptr;
}

std::optional<ByteGrid> ByteGridOf(const PrepareContext& context,
                                   std::optional<size_t> scale,
                                   std::optional<size_t> zero_point,
                                   DType dtype) {
  const auto grid = GridOf(context, scale, zero_point);
  if (!grid || grid->scales.size() != 1 || grid->zeros.size() != 1 ||
      !IsByte(dtype)) {
    return std::nullopt;
  }
  return ByteGrid{grid->scales[0], grid->zeros[0], dtype == DType::kInt8};
}

std::optional<ByteGrid> ByteGridOf(const PrepareContext& context,
                                   const QLinearOperand& operand) {
  return ByteGridOf(context, operand.scale, operand.zero_point,
                    context.input_dtypes[operand.data]);
}

std::optional<ByteGrid> ResultGrid(const PrepareContext& context,
                                   const QLinearForm& form) {
  return ByteGridOf(context, form.scale, form.zero_point,
                    context.output_dtypes[0]);
}

std::optional<QLinearProduct> ReadProduct(const PrepareContext& context,
                                          const QLinearForm& form,
                                          int64_t channels, int64_t depth) {
  if (form.added || form.inputs.size() < 2) {
    return std::nullopt;
  }
  const DType weight_type = context.input_dtypes[form.inputs[1].data];
  const auto x = ByteGridOf(context, form.inputs[0]);
  const auto y = ResultGrid(context, form);
  auto weight = GridOf(context, form.inputs[1]);
  if (!x || y.has_value() != form.scale.has_value() || !weight ||
      !IsByte(weight_type)) {
    return std::nullopt;
  }
  const auto one_each = [&](size_t count) {
    return count == 1 || static_cast<int64_t>(count) == channels;
  };
  QLinearProduct product{*x, y, *std::move(weight), weight_type == DType::kInt8,
                         {}, {}};
  if (!one_each(product.weight.scales.size()) ||
      !one_each(product.weight.zeros.size()) ||
      !ReadBias(context, form, channels, product.bias) ||
      !FitsInt32(product, depth)) {
    return std::nullopt;
  }
  for (const float scale : product.weight.scales) {
    const float step = form.alpha * product.x.scale * scale;
    product.multipliers.push_back(y ? step / y->scale : step);
  }
  return product;
}

Requantization RequantizationOf(const QLinearProduct& p,
                                bool channels_are_rows) {
  Requantization r;
  if (!p.bias.empty()) {
    r.bias = p.bias.data();
    (channels_are_rows ? r.bias_row : r.bias_column) = 1;
  }
  r.multiplier = p.multipliers.data();
  if (p.multipliers.size() > 1) {
    (channels_are_rows ? r.multiplier_row : r.multiplier_column) = 1;
  }
  r.is_padded = p.is_padded;
  r.is_real = !p.y;
  if (!p.y) return r;
  SetResultGrid(*p.y, r);
  // Sums fit int32 (FitsInt32), and so does what is less.
  r.clamps_by_packing = p.multipliers_below_one;
  return r;
}

}  // namespace squint
