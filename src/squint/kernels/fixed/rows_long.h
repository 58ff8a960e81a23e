// Dense layers and 1x1 convolutions of 16-bit numbers with sums of 64 bits
// (dot_long.h).
#ifndef SQUINT_KERNELS_FIXED_ROWS_LONG_H_
#define SQUINT_KERNELS_FIXED_ROWS_LONG_H_

#include <stdint.h>

#include "squint/kernels/fixed/dot_long.h"

/* Rows that follow each other in memory. */
static void squint_rows_long(int32_t rows, const squint_columns* columns,
                             const squint_weights* weights, const int64_t* bias,
                             int32_t zero_y, const int8_t* x, int8_t* y) {
  for (int32_t r = 0; r < rows; ++r) {
    squint_row_long(x, *columns, *weights, bias, zero_y, y);
    x += 2 * columns->depth;
    y += 2 * columns->count;
  }
}

#endif  // SQUINT_KERNELS_FIXED_ROWS_LONG_H_
