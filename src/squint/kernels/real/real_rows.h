// Products of rows of bytes with weights whose results are real numbers: sums
// of integers (products.h) times a factor for each column.
#ifndef SQUINT_KERNELS_REAL_REAL_ROWS_H_
#define SQUINT_KERNELS_REAL_REAL_ROWS_H_

#include <stdint.h>

#include "squint/kernels/fixed/dot.h"
#include "squint/kernels/fixed/weights.h"
#include "squint/kernels/real/real_set.h"

/* factor: of `count` columns. */
static void squint_real_rows(int32_t rows, const squint_columns* columns,
                             const squint_weights* weights, const float* factor,
                             const int8_t* x, int8_t* y) {
  const int32_t depth = columns->depth;
  const int32_t count = columns->count;
  for (int32_t r = 0; r < rows; ++r) {
    for (int32_t n = 0; n < count; n += 2) {
      const int8_t* const w = weights->w + n * depth;
      int32_t sums[2];
      sums[0] = weights->bias[n];
      if (n + 1 == count) {
        sums[0] = squint_dot(x, w, depth, sums[0]);
      } else {
        sums[1] = weights->bias[n + 1];
        squint_dot_1x2(x, w, depth, sums);
        squint_set_real(y, n + 1, (float)sums[1] * factor[n + 1]);
      }
      squint_set_real(y, n, (float)sums[0] * factor[n]);
    }
    x += depth;
    y += 4 * count;
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_ROWS_H_
