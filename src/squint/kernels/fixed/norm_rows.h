// What LayerNormalization of rows in integers divides by. With n numbers q in a
// row, whatever their zero point is:
//
//   d = n q - sum of q,  W = n * sum of q^2 - (sum of q)^2 + epsilon
//   y = d / sqrt(W) * factor + bias
//
// W is exact; epsilon is in its units: n^2 * that of the operator / scale^2.
#ifndef SQUINT_KERNELS_FIXED_NORM_ROWS_H_
#define SQUINT_KERNELS_FIXED_NORM_ROWS_H_

#include <stdint.h>

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

/* epsilon of the struct. */
static inline int64_t squint_epsilon(const squint_norm_rows* shape) {
  return (int64_t)shape->epsilon_high * ((int64_t)1 << 31) + shape->epsilon_low;
}

/* d / sqrt(W) with 20 fractional bits. The largest is sqrt(n). */
static inline int32_t squint_normal(int64_t d, squint_inverse root) {
  const int32_t down = root.shift - 20;
  return (int32_t)((d * root.inverse + ((int64_t)1 << (down - 1))) >> down);
}

#endif  // SQUINT_KERNELS_FIXED_NORM_ROWS_H_
