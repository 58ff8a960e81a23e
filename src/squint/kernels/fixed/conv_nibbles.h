// Convolutions (convolve.h) with weights of 4 bits (nibbles.h).
#ifndef SQUINT_KERNELS_FIXED_CONV_NIBBLES_H_
#define SQUINT_KERNELS_FIXED_CONV_NIBBLES_H_

#include <stdint.h>

#include "squint/kernels/fixed/convolve.h"
#include "squint/kernels/fixed/dot_nibbles.h"

static void squint_conv_nibbles(const squint_window* window, int32_t groups,
                                const squint_columns* columns,
                                const squint_weights* weights, int32_t zero_y,
                                const int8_t* x, int8_t* y, int8_t* scratch) {
  squint_product product;
  product.one_row = squint_one_row_nibbles;
  product.two_rows = squint_two_rows_nibbles;
  product.row_bytes = squint_nibble_bytes(columns->depth);
  squint_convolve(product, window, groups, columns, weights, zero_y, x, y,
                  scratch);
}

#endif  // SQUINT_KERNELS_FIXED_CONV_NIBBLES_H_
