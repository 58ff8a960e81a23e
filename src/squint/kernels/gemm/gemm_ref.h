// The truth of gemm.h: three loops in double.
#ifndef SQUINT_KERNELS_GEMM_GEMM_REF_H_
#define SQUINT_KERNELS_GEMM_GEMM_REF_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "squint/kernels/gemm/gemm.h"

namespace squint {

inline double ClampReference(double x, float low, float high) {
  if (std::isnan(x)) return x;
  return std::min(std::max(x, static_cast<double>(low)),
                  static_cast<double>(high));
}

// c and magnitude (sum of absolute products and bias, the yardstick of the
// error) are m x n without gaps.
inline void GemmReference(int64_t m, int64_t n, int64_t k, MatrixView a,
                          MatrixView b, const Epilogue& epilogue, double* c,
                          double* magnitude) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      double absolute = 0;
      for (int64_t p = 0; p < k; ++p) {
        const double product =
            static_cast<double>(
                a.data[i * a.row_stride + p * a.column_stride]) *
            static_cast<double>(b.data[p * b.row_stride + j * b.column_stride]);
        sum += product;
        absolute += std::fabs(product);
      }
      if (epilogue.bias != nullptr) {
        const double bias = static_cast<double>(
            epilogue.bias[i * epilogue.bias_row + j * epilogue.bias_column]);
        sum += bias;
        absolute += std::fabs(bias);
      }
      if (epilogue.added != nullptr) {
        const auto added =
            static_cast<double>(epilogue.added[i * epilogue.added_stride + j]);
        sum += added;
        absolute += std::fabs(added);
      }
      c[i * n + j] = ClampReference(sum, epilogue.low, epilogue.high);
      magnitude[i * n + j] = absolute;
    }
  }
}

// v rounded to bfloat16, half to even; NaN stays NaN.
inline float RoundedToBf16(float v) {
  if (std::isnan(v)) return v;
  uint32_t bits;
  std::memcpy(&bits, &v, sizeof(bits));
  const uint32_t rest = bits & 0xFFFF;
  bits -= rest;
  const bool is_odd = (bits >> 16 & 1) != 0;
  if (rest > 0x8000 || (rest == 0x8000 && is_odd)) bits += 0x10000;
  std::memcpy(&v, &bits, sizeof(v));
  return v;
}

// A sum of Products::kBf16 over a row of A and a column of B, as long as it is
// made in one block of K.
inline float Bf16SumReference(int64_t k, const float* a, int64_t a_stride,
                              const float* b, int64_t b_stride) {
  float sum = 0;
  const auto add = [&](int64_t p) {
    sum = std::fma(RoundedToBf16(a[p * a_stride]),
                   RoundedToBf16(b[p * b_stride]), sum);
  };
  for (int64_t p = 0; p < k; p += 2) {
    if (p + 1 < k) add(p + 1);
    add(p);
  }
  return sum;
}

}  // namespace squint

#endif  // SQUINT_KERNELS_GEMM_GEMM_REF_H_
