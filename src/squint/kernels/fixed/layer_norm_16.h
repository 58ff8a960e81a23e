// LayerNormalization of rows of 16-bit numbers (norm_rows.h).
#ifndef SQUINT_KERNELS_FIXED_LAYER_NORM_16_H_
#define SQUINT_KERNELS_FIXED_LAYER_NORM_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/norm_rows.h"
#include "squint/kernels/fixed/scale.h"
#include "squint/kernels/fixed/sixteen.h"

/* Normal numbers, times multiplier[i] / 2^shift[i], have 8 fractional bits; so
   has bias. */
static void squint_layer_norm_16(const squint_norm_rows* shape,
                                 const int32_t* multiplier, const int8_t* shift,
                                 const int32_t* bias, const int8_t* x,
                                 int8_t* y) {
  const int32_t n = shape->count;
  for (int32_t row = 0; row < shape->rows; ++row) {
    int64_t sum = 0;
    int64_t squares = 0;
    for (int32_t i = 0; i < n; ++i) {
      const int64_t next = squint_get16(x, i);
      sum += next;
      squares += next * next;
    }
    const squint_inverse root =
        squint_inverse_root(n * squares - sum * sum + squint_epsilon(shape));
    for (int32_t i = 0; i < n; ++i) {
      const int64_t d = (int64_t)n * squint_get16(x, i) - sum;
      const int32_t scaled =
          squint_scale(squint_normal(d, root), multiplier[i], shift[i]) +
          bias[i];
      squint_set16(y, i, squint_scale(scaled, 1, 8) + shape->zero_y);
    }
    x += 2 * n;
    y += 2 * n;
  }
}

#endif  // SQUINT_KERNELS_FIXED_LAYER_NORM_16_H_
