// What a float product reads that ends in sums.
#ifndef SQUINT_OPS_MATMUL_ADD_H_
#define SQUINT_OPS_MATMUL_ADD_H_

#include <cstddef>

namespace squint {

// squint::MatMulAdd: a matrix or a stack of them, a matrix, and what is added
// to their product, one after the other.
struct MatMulAddInputs {
  static constexpr size_t kA = 0;
  static constexpr size_t kB = 1;
  static constexpr size_t kBias = 2;   // one number a column; or absent
  static constexpr size_t kAdded = 3;  // as large as the result; or absent
  static constexpr size_t kCount = 4;
};

}  // namespace squint

#endif  // SQUINT_OPS_MATMUL_ADD_H_
