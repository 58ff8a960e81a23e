// Operands of the kernels of kernels/qrows: uint8 rows, int8 weights.
#ifndef SQUINT_OPS_ROW_OPERANDS_H_
#define SQUINT_OPS_ROW_OPERANDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {

class ThreadPool;

// Constant 8-bit weights less their zero points (null: 0; one, or one for each
// of `outputs`), ordered [outputs][terms]; element (j, k) of the tensor lies
// at j * output_stride + k * term_stride. Nullopt where some are no int8.
struct WeightOrder {
  int64_t outputs = 0;
  int64_t terms = 0;
  int64_t output_stride = 0;
  int64_t term_stride = 1;
};
std::optional<std::vector<int8_t>> CentredWeights(
    const Tensor& weight, const std::vector<int32_t>& zeros,
    const WeightOrder& order);

// bias[j] - zero * sums[j], as sums modulo 2^32 need it.
std::vector<int32_t> BiasWithZero(const std::vector<int32_t>& bias,
                                  const std::vector<int32_t>& sums,
                                  int32_t zero);

// int8 as the uint8 128 higher, and back. `out` may be `in`.
inline constexpr uint8_t kSignBit = 0x80;
void FlipSigns(const uint8_t* in, int64_t count, uint8_t* out,
               ThreadPool& pool);

// The zero point of the same numbers as uint8.
inline int32_t UnsignedZero(const ByteGrid& grid) {
  return grid.zero + (grid.is_signed ? int32_t{kSignBit} : 0);
}

// The step of a product of `rows` rows, one after the other in input 0, with a
// constant weight; null where it is none for these kernels.
std::unique_ptr<Step> PrepareRowProduct(const PrepareContext& context,
                                        int64_t rows, QLinearProduct product,
                                        const Tensor& weight,
                                        const WeightOrder& order);

}  // namespace squint

#endif  // SQUINT_OPS_ROW_OPERANDS_H_
