// Products of matrices of real numbers, in stacks.
#ifndef SQUINT_KERNELS_REAL_REAL_MATMUL_H_
#define SQUINT_KERNELS_REAL_REAL_MATMUL_H_

#include <stdint.h>

#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_set.h"

/* From a number to the next: a is [m][k], b anything. */
typedef struct squint_real_matrices {
  int32_t m;
  int32_t n;
  int32_t k;
  int32_t b_k; /* between terms of b */
  int32_t b_n; /* between columns of b */
} squint_real_matrices;

/* Matrix i of the result is that of matrices a_index[i] and b_index[i], times
   `factor`. */
static void squint_real_matmul(const squint_real_matrices* shape, int32_t count,
                               const int32_t* a_index, const int32_t* b_index,
                               float factor, const int8_t* a, const int8_t* b,
                               int8_t* y) {
  const squint_real_matrices s = *shape;
  for (int32_t i = 0; i < count; ++i) {
    for (int32_t m = 0; m < s.m; ++m) {
      const int32_t row = (a_index[i] * s.m + m) * s.k;
      for (int32_t n = 0; n < s.n; ++n, y += 4) {
        int32_t at = b_index[i] * s.k * s.n + n * s.b_n;
        float sum = 0.0f;
        for (int32_t k = 0; k < s.k; ++k, at += s.b_k) {
          sum += squint_get_real(a, row + k) * squint_get_real(b, at);
        }
        squint_set_real(y, 0, sum * factor);
      }
    }
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_MATMUL_H_
