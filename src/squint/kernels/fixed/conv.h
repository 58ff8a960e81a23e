// Convolutions (convolve.h) with weights of 8 bits.
#ifndef SQUINT_KERNELS_FIXED_CONV_H_
#define SQUINT_KERNELS_FIXED_CONV_H_

#include <stdint.h>

#include "squint/kernels/fixed/convolve.h"
#include "squint/kernels/fixed/products.h"

static void squint_conv(const squint_window* window, int32_t groups,
                        const squint_columns* columns,
                        const squint_weights* weights, int32_t zero_y,
                        const int8_t* x, int8_t* y, int8_t* scratch) {
  squint_product product;
  product.one_row = squint_one_row;
  product.two_rows = squint_two_rows;
  product.row_bytes = columns->depth;
  squint_convolve(product, window, groups, columns, weights, zero_y, x, y,
                  scratch);
}

#endif  // SQUINT_KERNELS_FIXED_CONV_H_
