// LayerNormalization of rows in integers. With n numbers q in a row, whatever
// their zero point is:
//
//   d = n q - sum of q,  W = n * sum of q^2 - (sum of q)^2 + epsilon
//   y = d / sqrt(W) * factor + bias
//
// W is exact; epsilon is in its units: n^2 * that of the operator / scale^2.
#ifndef SQUINT_KERNELS_FIXED_LAYER_NORM_H_
#define SQUINT_KERNELS_FIXED_LAYER_NORM_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"

typedef struct squint_norm_rows {
  int32_t rows;
  int32_t count; /* n, at most 2^15 */
  int32_t epsilon_high;
  int32_t epsilon_low; /* 31 bits */
  int32_t zero_y;
} squint_norm_rows;

/* floor(sqrt(v)) of 2^60 <= v < 2^62, bit by bit. */
static inline int64_t squint_root(int64_t v) {
  int64_t root = 0;
  for (int64_t bit = (int64_t)1 << 30; bit > 0; bit >>= 1) {
    if ((root + bit) * (root + bit) <= v) root += bit;
  }
  return root;
}

/* 1 / sqrt(w) as inverse / 2^shift, 2^30 <= inverse <= 2^31; w < 2^62. */
typedef struct squint_inverse {
  int64_t inverse;
  int32_t shift;
} squint_inverse;

static inline squint_inverse squint_inverse_root(int64_t w) {
  squint_inverse result;
  result.shift = 61;
  result.inverse = 0;
  if (w == 0) return result; /* all numbers are equal: d is 0 */
  while (w < (int64_t)1 << 60) {
    w *= 4;
    --result.shift;
  }
  result.inverse = ((int64_t)1 << 61) / squint_root(w);
  return result;
}

/* Numbers with 20 fractional bits, times multiplier[i] / 2^shift[i], have 8;
   so has bias. The largest is sqrt(n). */
static void squint_layer_norm(const squint_norm_rows* shape,
                              const int32_t* multiplier, const int8_t* shift,
                              const int32_t* bias, const int8_t* x, int8_t* y) {
  const int32_t n = shape->count;
  const int64_t epsilon =
      (int64_t)shape->epsilon_high * ((int64_t)1 << 31) + shape->epsilon_low;
  for (int32_t row = 0; row < shape->rows; ++row) {
    int32_t sum = 0;
    int64_t squares = 0;
    for (int32_t i = 0; i < n; ++i) {
      sum += x[i];
      squares += x[i] * x[i];
    }
    const squint_inverse root =
        squint_inverse_root(n * squares - (int64_t)sum * sum + epsilon);
    const int32_t down = root.shift - 20;
    for (int32_t i = 0; i < n; ++i) {
      const int64_t d = (int64_t)n * x[i] - sum;
      const int64_t normal =
          (d * root.inverse + ((int64_t)1 << (down - 1))) >> down;
      const int32_t scaled =
          squint_scale((int32_t)normal, multiplier[i], shift[i]) + bias[i];
      y[i] = squint_requantize(scaled, 1, 8, shape->zero_y);
    }
    x += n;
    y += n;
  }
}

#endif  // SQUINT_KERNELS_FIXED_LAYER_NORM_H_
