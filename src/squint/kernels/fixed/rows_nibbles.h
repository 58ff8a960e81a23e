// Dense layers and 1x1 convolutions: rows by weights of 4 bits (nibbles.h).
#ifndef SQUINT_KERNELS_FIXED_ROWS_NIBBLES_H_
#define SQUINT_KERNELS_FIXED_ROWS_NIBBLES_H_

#include <stdint.h>

#include "squint/kernels/fixed/dot_nibbles.h"

/* Rows that follow each other in memory; as pixels of a 1x1 convolution do. */
static void squint_rows_nibbles(int32_t rows, const squint_columns* columns,
                                const squint_weights* weights, int32_t zero_y,
                                const int8_t* x, int8_t* y) {
  int32_t r = 0;
  for (; r + 2 <= rows; r += 2) {
    squint_two_rows_nibbles(x, *columns, *weights, zero_y, y,
                            y + columns->count);
    x += 2 * columns->depth;
    y += 2 * columns->count;
  }
  if (r < rows) squint_one_row_nibbles(x, *columns, *weights, zero_y, y);
}

#endif  // SQUINT_KERNELS_FIXED_ROWS_NIBBLES_H_
