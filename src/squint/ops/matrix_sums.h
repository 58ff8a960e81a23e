// Plain-loop matrix products, summed in double: exact for centred integers,
// and for floats the truth that kernels are compared with.
#ifndef SQUINT_OPS_MATRIX_SUMS_H_
#define SQUINT_OPS_MATRIX_SUMS_H_

#include <cstdint>
#include <vector>

#include "squint/graph/dim.h"
#include "squint/tensor/tensor.h"

namespace squint {

// sums[m, n] += a[m, k] * b[k, n], all row-major.
void AddMatrixProduct(const float* a, const float* b, int64_t m, int64_t k,
                      int64_t n, double* sums);

// The shape of numpy.matmul: the last two axes are matrices, the others
// broadcast; a rank of 1 is a row (left) or a column (right) whose axis
// disappears. Error{kInvalidModel} where sizes cannot match.
Shape MatMulShape(const Shape& a, const Shape& b);

// numpy.matmul of two float32 tensors.
struct MatrixSums {
  Dims dims;
  std::vector<double> sums;
};
MatrixSums MatMulSums(const Tensor& a, const Tensor& b);

// The same of two float64 or integer tensors of one type, in which integer
// sums wrap around.
Tensor WideMatMul(const Tensor& a, const Tensor& b);

// The rank-2 tensor with its axes swapped.
Tensor Transposed(const Tensor& matrix);

Tensor ToFloat32(const std::vector<double>& sums, Dims dims);

}  // namespace squint

#endif  // SQUINT_OPS_MATRIX_SUMS_H_
