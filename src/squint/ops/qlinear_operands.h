// What the integer kernels need to know of an operator on stored integers,
// read from its constant inputs.
#ifndef SQUINT_OPS_QLINEAR_OPERANDS_H_
#define SQUINT_OPS_QLINEAR_OPERANDS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/kernels/qelementwise/qelementwise.h"
#include "squint/kernels/qgemm/requantization.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_form.h"

namespace squint {

// The types that the integer kernels compute with.
inline bool IsByte(DType dtype) {
  return dtype == DType::kUint8 || dtype == DType::kInt8;
}
// Those that fixed-point arithmetic computes with, and what becomes them.
inline bool IsByteOrTwo(DType dtype) {
  return IsByte(dtype) || dtype == DType::kUint16 || dtype == DType::kInt16;
}

// Scales and zero points of an operand, one or one for each channel.
struct Grid {
  std::vector<float> scales;
  std::vector<int32_t> zeros;

  int64_t zero_step() const { return zeros.size() > 1 ? 1 : 0; }
};

// Nullopt unless both are constants of rank 1 at most, and the scales are
// positive numbers.
std::optional<Grid> GridOf(const PrepareContext& context,
                           const QLinearOperand& operand);

// The tensor behind an input, null when absent or computed.
const Tensor* ConstantAt(const PrepareContext& context,
                         std::optional<size_t> input);

// Of a tensor of this type with one scale and zero point; nullopt unless both
// are constants, the scale is a positive number and the type has 8 bits.
std::optional<ByteGrid> ByteGridOf(const PrepareContext& context,
                                   std::optional<size_t> scale,
                                   std::optional<size_t> zero_point,
                                   DType dtype);
std::optional<ByteGrid> ByteGridOf(const PrepareContext& context,
                                   const QLinearOperand& operand);
std::optional<ByteGrid> ResultGrid(const PrepareContext& context,
                                   const QLinearForm& form);

// Operand 0, the weight, the bias and the result of a product.
struct QLinearProduct {
  ByteGrid x;
  std::optional<ByteGrid> y;  // none: the result is float32
  Grid weight;
  bool weight_is_signed;
  std::vector<float> multipliers;  // one, or one for each channel
  std::vector<int32_t> bias;       // empty, or one for each channel
  // As ByOutput makes them (row_operands.h): bias and multipliers for each
  // channel, padded, and whether all multipliers are below one.
  bool is_padded = false;
  bool multipliers_below_one = false;
};

// Neither sums of `depth` products that differ from zero points by at most 255
// on the left, nor what a bias adds, pass int32.
bool FitsInt32(const QLinearProduct& product, int64_t depth);

// Nullopt where the kernels cannot take it: computed parameters, other types,
// sums of `depth` products that int32 might not hold.
std::optional<QLinearProduct> ReadProduct(const PrepareContext& context,
                                          const QLinearForm& form,
                                          int64_t channels, int64_t depth);

// Channels are rows or columns of the product. Points into `product`.
Requantization RequantizationOf(const QLinearProduct& product,
                                bool channels_are_rows);

}  // namespace squint

#endif  // SQUINT_OPS_QLINEAR_OPERANDS_H_
