// Products of rows of 16-bit numbers with weights (products.h), whose sums are
// known to fit 32 bits.
#ifndef SQUINT_KERNELS_FIXED_PRODUCTS_16_H_
#define SQUINT_KERNELS_FIXED_PRODUCTS_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/channel_16.h"
#include "squint/kernels/fixed/dot_16.h"

static inline void squint_one_row_16(const int8_t* x, squint_columns columns,
                                     squint_weights weights, int32_t zero_y,
                                     int8_t* y) {
  for (int32_t n = 0; n < columns.count; ++n) {
    const int32_t sum = squint_dot_16(x, weights.w + n * columns.depth,
                                      columns.depth, weights.bias[n]);
    squint_finish_16(sum, n, weights, zero_y, y);
  }
}

/* Rows x and the one behind it, to results y0 and y1. */
static inline void squint_two_rows_16(const int8_t* x, squint_columns columns,
                                      squint_weights weights, int32_t zero_y,
                                      int8_t* y0, int8_t* y1) {
  const int8_t* w = weights.w;
  const int32_t depth = columns.depth;
  int32_t n = 0;
  for (; n + 2 <= columns.count; n += 2) {
    int32_t sums[4];
    sums[0] = sums[2] = weights.bias[n];
    sums[1] = sums[3] = weights.bias[n + 1];
    squint_dot_2x2_16(x, w, depth, sums);
    squint_finish_16(sums[0], n, weights, zero_y, y0);
    squint_finish_16(sums[2], n, weights, zero_y, y1);
    squint_finish_16(sums[1], n + 1, weights, zero_y, y0);
    squint_finish_16(sums[3], n + 1, weights, zero_y, y1);
    w += 2 * depth;
  }
  if (n < columns.count) {
    const int32_t bias = weights.bias[n];
    squint_finish_16(squint_dot_16(x, w, depth, bias), n, weights, zero_y, y0);
    squint_finish_16(squint_dot_16(x + 2 * depth, w, depth, bias), n, weights,
                     zero_y, y1);
  }
}

#endif  // SQUINT_KERNELS_FIXED_PRODUCTS_16_H_
