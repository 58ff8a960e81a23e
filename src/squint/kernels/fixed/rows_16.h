// Dense layers and 1x1 convolutions of 16-bit numbers: rows by weights
// (products_16.h).
#ifndef SQUINT_KERNELS_FIXED_ROWS_16_H_
#define SQUINT_KERNELS_FIXED_ROWS_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/products_16.h"

/* Rows that follow each other in memory; as pixels of a 1x1 convolution do. */
static void squint_rows_16(int32_t rows, const squint_columns* columns,
                           const squint_weights* weights, int32_t zero_y,
                           const int8_t* x, int8_t* y) {
  const int32_t size = 2 * columns->count; /* bytes of a result */
  int32_t r = 0;
  for (; r + 2 <= rows; r += 2) {
    squint_two_rows_16(x, *columns, *weights, zero_y, y, y + size);
    x += 4 * columns->depth;
    y += 2 * size;
  }
  if (r < rows) squint_one_row_16(x, *columns, *weights, zero_y, y);
}

#endif  // SQUINT_KERNELS_FIXED_ROWS_16_H_
