// LayerNormalization of rows in integers (norm_rows.h).
#ifndef SQUINT_KERNELS_FIXED_LAYER_NORM_H_
#define SQUINT_KERNELS_FIXED_LAYER_NORM_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/norm_rows.h"

/* Normal numbers, times multiplier[i] / 2^shift[i], have 8 fractional bits; so
   has bias. */
static void squint_layer_norm(const squint_norm_rows* shape,
                              const int32_t* multiplier, const int8_t* shift,
                              const int32_t* bias, const int8_t* x, int8_t* y) {
  const int32_t n = shape->count;
  for (int32_t row = 0; row < shape->rows; ++row) {
    int32_t sum = 0;
    int64_t squares = 0;
    for (int32_t i = 0; i < n; ++i) {
      sum += x[i];
      squares += x[i] * x[i];
    }
    const squint_inverse root = squint_inverse_root(
        n * squares - (int64_t)sum * sum + squint_epsilon(shape));
    for (int32_t i = 0; i < n; ++i) {
      const int32_t normal = squint_normal((int64_t)n * x[i] - sum, root);
      const int32_t scaled =
          squint_scale(normal, multiplier[i], shift[i]) + bias[i];
      y[i] = squint_requantize(scaled, 1, 8, shape->zero_y);
    }
    x += n;
    y += n;
  }
}

#endif  // SQUINT_KERNELS_FIXED_LAYER_NORM_H_
