// Products of rows with weights, the core of convolutions and dense layers:
//
//   y[r][n] = requantize(bias[n] + sum over k of x[r][k] * w[n][k])
//
// Zero points of x are in the bias: bias[n] - zero_x * sum of w[n]. No sum
// passes 32 bits; whoever makes the bias sees to it.
#ifndef SQUINT_KERNELS_FIXED_PRODUCTS_H_
#define SQUINT_KERNELS_FIXED_PRODUCTS_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/dot.h"

#if defined(__ARM_FEATURE_MVE)

/* Two rows by two columns, both one behind the other:
   sums[2 * row + column]. */
static inline void squint_dot_2x2(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[4]) {
  for (int32_t k = 0; k < depth; k += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    const int8x16_t a0 = vldrbq_z_s8(x + k, rest);
    const int8x16_t a1 = vldrbq_z_s8(x + depth + k, rest);
    const int8x16_t b0 = vldrbq_z_s8(w + k, rest);
    const int8x16_t b1 = vldrbq_z_s8(w + depth + k, rest);
    sums[0] = vmladavaq_p_s8(sums[0], a0, b0, rest);
    sums[1] = vmladavaq_p_s8(sums[1], a0, b1, rest);
    sums[2] = vmladavaq_p_s8(sums[2], a1, b0, rest);
    sums[3] = vmladavaq_p_s8(sums[3], a1, b1, rest);
  }
}

/* One row by four columns, one behind the other. */
static inline void squint_dot_1x4(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[4]) {
  const int32_t last = 3 * depth;
  for (int32_t k = 0; k < depth; k += 16, w += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    const int8x16_t a = vldrbq_z_s8(x + k, rest);
    sums[0] = vmladavaq_p_s8(sums[0], a, vldrbq_z_s8(w, rest), rest);
    sums[1] = vmladavaq_p_s8(sums[1], a, vldrbq_z_s8(w + depth, rest), rest);
    sums[2] =
        vmladavaq_p_s8(sums[2], a, vldrbq_z_s8(w + 2 * depth, rest), rest);
    sums[3] = vmladavaq_p_s8(sums[3], a, vldrbq_z_s8(w + last, rest), rest);
  }
}

#elif defined(__ARM_FEATURE_SIMD32)

/* Two rows by two columns, both one behind the other, so that two pointers and
   `depth` lead to all: no register is left. sums[2 * row + column]. */
static inline void squint_dot_2x2(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  const int8_t* const end = x + depth;
  const int8_t* const fours = end - depth % 4;
  for (; x != fours; x += 4, w += 4) {
    const squint_pairs a1 = squint_load_pairs(x + depth);
    const squint_pairs a0 = squint_load_pairs(x);
    const squint_pairs b1 = squint_load_pairs(w + depth);
    s1 = squint_dot_pairs(a0, b1, s1);
    s3 = squint_dot_pairs(a1, b1, s3);
    const squint_pairs b0 = squint_load_pairs(w);
    s0 = squint_dot_pairs(a0, b0, s0);
    s2 = squint_dot_pairs(a1, b0, s2);
  }
  for (; x != end; ++x, ++w) {
    s0 += x[0] * w[0];
    s1 += x[0] * w[depth];
    s2 += x[depth] * w[0];
    s3 += x[depth] * w[depth];
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

/* One row by four columns, one behind the other: a word of the row serves four
   of the weights. */
static inline void squint_dot_1x4(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  const int32_t last = 3 * depth;
  const int8_t* const end = x + depth;
  const int8_t* const fours = end - depth % 4;
  for (; x != fours; x += 4, w += 4) {
    const squint_pairs a = squint_load_pairs(x);
    s1 = squint_dot_pairs(a, squint_load_pairs(w + depth), s1);
    s2 = squint_dot_pairs(a, squint_load_pairs(w + 2 * depth), s2);
    s3 = squint_dot_pairs(a, squint_load_pairs(w + last), s3);
    s0 = squint_dot_pairs(a, squint_load_pairs(w), s0);
  }
  for (; x != end; ++x, ++w) {
    s0 += *x * w[0];
    s1 += *x * w[depth];
    s2 += *x * w[2 * depth];
    s3 += *x * w[last];
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

#else

/* Two rows by two columns, both one behind the other:
   sums[2 * row + column]. */
static inline void squint_dot_2x2(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[4]) {
  sums[0] = squint_dot(x, w, depth, sums[0]);
  sums[1] = squint_dot(x, w + depth, depth, sums[1]);
  sums[2] = squint_dot(x + depth, w, depth, sums[2]);
  sums[3] = squint_dot(x + depth, w + depth, depth, sums[3]);
}

/* One row by four columns, one behind the other. */
static inline void squint_dot_1x4(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[4]) {
  squint_dot_1x2(x, w, depth, sums);
  squint_dot_1x2(x, w + 2 * depth, depth, sums + 2);
}

#endif

static inline void squint_one_row(const int8_t* x, squint_columns columns,
                                  squint_weights weights, int32_t zero_y,
                                  int8_t* y) {
  const int8_t* w = weights.w;
  const int32_t depth = columns.depth;
  int32_t n = 0;
  for (; n + 4 <= columns.count; n += 4) {
    int32_t sums[4];
    memcpy(sums, weights.bias + n, sizeof sums);
    squint_dot_1x4(x, w, depth, sums);
    for (int32_t i = 0; i < 4; ++i) {
      y[n + i] = squint_finish(sums[i], n + i, weights, zero_y);
    }
    w += 4 * depth;
  }
  for (; n < columns.count; ++n) {
    const int32_t sum = squint_dot(x, w, depth, weights.bias[n]);
    y[n] = squint_finish(sum, n, weights, zero_y);
    w += depth;
  }
}

/* Rows x and x + depth, to results y0 and y1. */
static inline void squint_two_rows(const int8_t* x, squint_columns columns,
                                   squint_weights weights, int32_t zero_y,
                                   int8_t* y0, int8_t* y1) {
  const int8_t* w = weights.w;
  const int32_t depth = columns.depth;
  int32_t n = 0;
  for (; n + 2 <= columns.count; n += 2) {
    int32_t sums[4];
    sums[0] = sums[2] = weights.bias[n];
    sums[1] = sums[3] = weights.bias[n + 1];
    squint_dot_2x2(x, w, depth, sums);
    y0[n] = squint_finish(sums[0], n, weights, zero_y);
    y1[n] = squint_finish(sums[2], n, weights, zero_y);
    y0[n + 1] = squint_finish(sums[1], n + 1, weights, zero_y);
    y1[n + 1] = squint_finish(sums[3], n + 1, weights, zero_y);
    w += 2 * depth;
  }
  if (n < columns.count) {
    const int32_t bias = weights.bias[n];
    y0[n] = squint_finish(squint_dot(x, w, depth, bias), n, weights, zero_y);
    y1[n] = squint_finish(squint_dot(x + depth, w, depth, bias), n, weights,
                          zero_y);
  }
}

#endif  // SQUINT_KERNELS_FIXED_PRODUCTS_H_
