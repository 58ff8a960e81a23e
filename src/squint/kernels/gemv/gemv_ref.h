// The truth of gemv.h: three loops in double.
#ifndef SQUINT_KERNELS_GEMV_GEMV_REF_H_
#define SQUINT_KERNELS_GEMV_GEMV_REF_H_

#include <cmath>
#include <cstdint>

#include "squint/kernels/gemm/gemm_ref.h"
#include "squint/kernels/gemv/gemv.h"

namespace squint {

// Number `index` of packed integers.
inline int StoredAt(const void* data, int bits, bool is_signed, int64_t index) {
  const int64_t bit = index * bits;
  const int byte = static_cast<const uint8_t*>(data)[bit / 8];
  const int field = byte >> (bit % 8) & ((1 << bits) - 1);
  const bool negative = is_signed && field >> (bits - 1) != 0;
  return negative ? field - (1 << bits) : field;
}

// q - zero times scale, in double.
inline double WeightAt(const GroupedWeight& w, int64_t p, int64_t j) {
  const int64_t group = w.group == 0 ? 0 : p / w.group;
  const int64_t at = group * w.scale_row + j * w.scale_column;
  const int q =
      StoredAt(w.data, w.bits, w.is_signed, p * w.row_step + j * w.column_step);
  const int zero = w.zeros != nullptr ? w.zeros[at] : 0;
  return (q - zero) * static_cast<double>(w.scales[at]);
}

// y and magnitude (sum of absolute products and bias) are m x n without gaps.
inline void GroupedGemvReference(int64_t m, const float* x, int64_t x_stride,
                                 const GroupedWeight& w, const Epilogue& e,
                                 double* y, double* magnitude) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < w.n; ++j) {
      double sum = 0;
      if (e.bias != nullptr) sum = e.bias[i * e.bias_row + j * e.bias_column];
      double absolute = std::fabs(sum);
      for (int64_t p = 0; p < w.k; ++p) {
        const double product =
            static_cast<double>(x[i * x_stride + p]) * WeightAt(w, p, j);
        sum += product;
        absolute += std::fabs(product);
      }
      y[i * w.n + j] = ClampReference(sum, e.low, e.high);
      magnitude[i * w.n + j] = absolute;
    }
  }
}

}  // namespace squint

#endif  // SQUINT_KERNELS_GEMV_GEMV_REF_H_
