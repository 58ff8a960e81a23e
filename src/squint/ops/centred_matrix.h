// Matrices of stored integers, less their zero points, as int8: weights for
// kernels that read them as they are stored.
#ifndef SQUINT_OPS_CENTRED_MATRIX_H_
#define SQUINT_OPS_CENTRED_MATRIX_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "squint/tensor/quant_params.h"
#include "squint/tensor/tensor.h"

namespace squint {

// One of the matrices that a tensor consists of: element (term, column) is
// number first + term * term_stride + column * column_stride. Terms are what a
// product sums over; they lie along axis `term_axis`.
struct StoredMatrix {
  int64_t first = 0;
  int64_t terms = 0;
  int64_t columns = 0;
  int64_t term_stride = 0;
  int64_t column_stride = 1;
  int term_axis = 0;
};

struct CentredMatrix {
  std::vector<int8_t> bytes;  // [columns][terms]
  int64_t terms = 0;
  int64_t columns = 0;
  int64_t group = 0;          // terms that share their scales
  std::vector<float> scales;  // [groups][columns]
};

// Nullopt for other than integers of 8 bits at most with fixed scales that
// are finite numbers, for a scale for each term, and where a number less its
// zero point is no int8. Error{kInvalidModel} where the parameters' number does
// not fit the tensor.
std::optional<CentredMatrix> CentredMatrixOf(const Tensor& stored,
                                             const QuantParams& params,
                                             const StoredMatrix& matrix);

}  // namespace squint

#endif  // SQUINT_OPS_CENTRED_MATRIX_H_
