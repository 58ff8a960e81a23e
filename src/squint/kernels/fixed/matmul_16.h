// Products of two computed matrices of 16-bit numbers (matmul.h), summed in 64
// bits.
#ifndef SQUINT_KERNELS_FIXED_MATMUL_16_H_
#define SQUINT_KERNELS_FIXED_MATMUL_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/long_scale.h"
#include "squint/kernels/fixed/matmul_shape.h"
#include "squint/kernels/fixed/sixteen.h"

/* Matrix i of the result is that of matrices a_index[i] and b_index[i]. */
static void squint_matmul_16(const squint_matmul_shape* shape, int32_t count,
                             const int32_t* a_index, const int32_t* b_index,
                             int32_t zero_y, const int8_t* a, const int8_t* b,
                             int8_t* y) {
  const squint_matmul_shape s = *shape;
  for (int32_t i = 0; i < count; ++i) {
    for (int32_t m = 0; m < s.m; ++m) {
      const int32_t row = (a_index[i] * s.m + m) * s.k;
      for (int32_t n = 0; n < s.n; ++n, y += 2) {
        int32_t at = b_index[i] * s.k * s.n + n;
        int64_t sum = 0;
        for (int32_t k = 0; k < s.k; ++k, at += s.n) {
          sum += (int64_t)(squint_get16(a, row + k) - s.zero_a) *
                 (squint_get16(b, at) - s.zero_b);
        }
        squint_set16(y, 0,
                     squint_long_scale(sum, s.multiplier, s.shift) + zero_y);
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_MATMUL_16_H_
