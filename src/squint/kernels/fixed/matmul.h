// Products of two computed matrices, in stacks:
//
//   y[s][m][n] = requantize(sum over k of (a[m][k] - zero_a) *
//                                         (b[k][n] - zero_b))
#ifndef SQUINT_KERNELS_FIXED_MATMUL_H_
#define SQUINT_KERNELS_FIXED_MATMUL_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/matmul_shape.h"

/* Matrix i of the result is that of matrices a_index[i] and b_index[i]. */
static void squint_matmul(const squint_matmul_shape* shape, int32_t count,
                          const int32_t* a_index, const int32_t* b_index,
                          int32_t zero_y, const int8_t* a, const int8_t* b,
                          int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    const int8_t* row = a + a_index[i] * shape->m * shape->k;
    for (int32_t m = 0; m < shape->m; ++m, row += shape->k) {
      for (int32_t n = 0; n < shape->n; ++n) {
        const int8_t* column = b + b_index[i] * shape->k * shape->n + n;
        int32_t sum = 0;
        for (int32_t k = 0; k < shape->k; ++k) {
          sum += (row[k] - shape->zero_a) * (*column - shape->zero_b);
          column += shape->n;
        }
        *y++ = squint_requantize(sum, shape->multiplier, shape->shift, zero_y);
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_MATMUL_H_
