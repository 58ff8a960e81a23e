// Operands of the kernels of kernels/qrows: uint8 rows, int8 weights.
#ifndef SQUINT_OPS_ROW_OPERANDS_H_
#define SQUINT_OPS_ROW_OPERANDS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {

class ThreadPool;

// How a weight's elements lie: (output j, term k) at
// j * output_stride + k * term_stride. One of the strides is 1.
struct WeightOrder {
  int64_t outputs = 0;
  int64_t terms = 0;
  int64_t output_stride = 0;
  int64_t term_stride = 1;
};

// Weights less their zero points as int8 [outputs][terms]. Refers to the
// tensor they come from where they are stored so.
class CentredBytes {
 public:
  explicit CentredBytes(const int8_t* stored) : stored_(stored) {}
  explicit CentredBytes(std::vector<int8_t> made) : made_(std::move(made)) {}
  const int8_t* data() const { return stored_ ? stored_ : made_.data(); }

 private:
  const int8_t* stored_ = nullptr;
  std::vector<int8_t> made_;
};

// Of constant 8-bit weights; `zeros`: one, or one for each of the outputs.
// Nullopt where a weight less its zero point is no int8.
std::optional<CentredBytes> CentredWeights(const Tensor& weight,
                                           const std::vector<int32_t>& zeros,
                                           const WeightOrder& order);

// Whether there are such of a weight [outputs][terms], without making them.
bool CentredFitInt8(const Tensor& weight, const std::vector<int32_t>& zeros,
                    int64_t outputs, int64_t terms);

// The product with bias and multipliers of each output, and the zero point of
// its rows in the bias; sums: of the weights of each output.
QLinearProduct ByOutput(QLinearProduct product,
                        const std::vector<int32_t>& sums);

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
