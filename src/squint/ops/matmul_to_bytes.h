// squint::MatMulIntegerToBytes: a MatMulIntegerToFloat with a constant weight,
// a function of its results, a factor of each column of these and the
// QuantizeLinear behind them in one node. Made when a network is lowered to
// integers.
//
// Inputs: those of com.microsoft::MatMulIntegerToFloat (what is absent keeps
// its place), then scale and zero point of the result, per tensor, and the
// factors, or none. Attribute `function`: Gelu, GeluByTanh, or absent. The
// numbers are those of the operators.
#ifndef SQUINT_OPS_MATMUL_TO_BYTES_H_
#define SQUINT_OPS_MATMUL_TO_BYTES_H_

#include <cstddef>

#include "squint/graph/graph.h"

namespace squint {

// Places of inputs.
struct ToBytesInputs {
  static constexpr size_t kBias = 6;
  static constexpr size_t kScale = 7;
  static constexpr size_t kZero = 8;
  static constexpr size_t kFactor = 9;  // one number a column; or absent
  static constexpr size_t kCount = 10;
};

// The node's MatMulIntegerToFloat.
Node ProductOfToBytes(const Node& node);

}  // namespace squint

#endif  // SQUINT_OPS_MATMUL_TO_BYTES_H_
