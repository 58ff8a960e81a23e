// LayerNormalization of rows of real numbers.
#ifndef SQUINT_KERNELS_REAL_REAL_LAYER_NORM_H_
#define SQUINT_KERNELS_REAL_REAL_LAYER_NORM_H_

#include <math.h>
#include <stdint.h>

#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_set.h"

/* gamma and beta have `count` numbers; beta may be NULL. May run in place. */
static void squint_real_layer_norm(int32_t rows, int32_t count, float epsilon,
                                   const int8_t* gamma, const int8_t* beta,
                                   const int8_t* x, int8_t* y) {
  for (int32_t row = 0; row < rows; ++row) {
    float sum = 0.0f;
    float squares = 0.0f;
    for (int32_t i = 0; i < count; ++i) sum += squint_get_real(x, i);
    const float mean = sum / (float)count;
    for (int32_t i = 0; i < count; ++i) {
      const float d = squint_get_real(x, i) - mean;
      squares += d * d;
    }
    const float root = 1.0f / sqrtf(squares / (float)count + epsilon);
    for (int32_t i = 0; i < count; ++i) {
      const float normal = (squint_get_real(x, i) - mean) * root;
      const float shift = beta == NULL ? 0.0f : squint_get_real(beta, i);
      squint_set_real(y, i, normal * squint_get_real(gamma, i) + shift);
    }
    x += 4 * count;
    y += 4 * count;
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_LAYER_NORM_H_
