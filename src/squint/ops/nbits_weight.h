// The packed weight of com.microsoft::MatMulNBits, and the same numbers as
// the blocked quantization of a standard matrix [K, N].
#ifndef SQUINT_OPS_NBITS_WEIGHT_H_
#define SQUINT_OPS_NBITS_WEIGHT_H_

#include <cstdint>

#include "squint/graph/graph.h"
#include "squint/tensor/quant_params.h"

namespace squint {

// Attributes of the node. B is uint8 [N, blocks, block * bits / 8]: rows of
// N along K, low bits first, the last block padded.
struct NBitsShape {
  int64_t n = 0;
  int64_t k = 0;
  int64_t bits = 4;
  int64_t block = 0;
  int64_t blocks() const { return (k + block - 1) / block; }
};
// Error{kInvalidModel} for values outside the operator's definition.
NBitsShape ReadNBitsShape(const Node& node);

// Integers [K, N] of `bits` bits, blocks along axis 0.
struct NBitsWeight {
  Tensor stored;
  QuantParams params;
};
// `zero_points`: packed uint8, or null for the middle of the range. Sizes
// are checked: Error{kInvalidModel}.
NBitsWeight UnpackNBits(const NBitsShape& shape, const Tensor& b,
                        const Tensor& scales, const Tensor* zero_points);

// The float32 matrix [K, N] of any node: also with zero points that are
// floats, and with `group_index`, the block of each row of K (null: in
// order).
Tensor NBitsMatrix(const NBitsShape& shape, const Tensor& b,
                   const Tensor& scales, const Tensor* zero_points,
                   const Tensor* group_index);

}  // namespace squint

#endif  // SQUINT_OPS_NBITS_WEIGHT_H_
