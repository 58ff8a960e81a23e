// Products of rows with weights, the core of convolutions and dense layers:
//
//   y[r][n] = requantize(bias[n] + sum over k of x[r][k] * w[n][k])
//
// Zero points of x are in the bias: bias[n] - zero_x * sum of w[n]. No sum
// passes 32 bits; whoever makes the bias sees to it.
#ifndef SQUINT_KERNELS_FIXED_DOT_H_
#define SQUINT_KERNELS_FIXED_DOT_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/fixed_point.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#elif defined(__ARM_FEATURE_SIMD32)
#include <arm_acle.h>
#endif

#if defined(__ARM_FEATURE_MVE)

/* 16 products at a time, the last ones masked. */
static inline int32_t squint_dot(const int8_t* a, const int8_t* b,
                                 int32_t depth, int32_t sum) {
  for (int32_t k = 0; k < depth; k += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    sum = vmladavaq_p_s8(sum, vldrbq_z_s8(a + k, rest),
                         vldrbq_z_s8(b + k, rest), rest);
  }
  return sum;
}

/* Two rows by two columns: sums[row * 2 + column]. */
static inline void squint_dot_2x2(const int8_t* x0, const int8_t* x1,
                                  const int8_t* w0, const int8_t* w1,
                                  int32_t depth, int32_t sums[4]) {
  for (int32_t k = 0; k < depth; k += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    const int8x16_t a0 = vldrbq_z_s8(x0 + k, rest);
    const int8x16_t a1 = vldrbq_z_s8(x1 + k, rest);
    const int8x16_t b0 = vldrbq_z_s8(w0 + k, rest);
    const int8x16_t b1 = vldrbq_z_s8(w1 + k, rest);
    sums[0] = vmladavaq_p_s8(sums[0], a0, b0, rest);
    sums[1] = vmladavaq_p_s8(sums[1], a0, b1, rest);
    sums[2] = vmladavaq_p_s8(sums[2], a1, b0, rest);
    sums[3] = vmladavaq_p_s8(sums[3], a1, b1, rest);
  }
}

#elif defined(__ARM_FEATURE_SIMD32)

/* Bytes 0 and 2 of four, then 1 and 3, as pairs of 16 bits. */
typedef struct squint_pairs {
  int16x2_t even;
  int16x2_t odd;
} squint_pairs;

static inline squint_pairs squint_load_pairs(const int8_t* bytes) {
  squint_pairs pairs;
  uint32_t word;
  memcpy(&word, bytes, sizeof word);
  pairs.even = __sxtb16((int8x4_t)word);
  pairs.odd = __sxtb16((int8x4_t)__ror(word, 8));
  return pairs;
}

static inline int32_t squint_dot_pairs(squint_pairs a, squint_pairs b,
                                       int32_t sum) {
  return __smlad(a.odd, b.odd, __smlad(a.even, b.even, sum));
}

static inline int32_t squint_dot(const int8_t* a, const int8_t* b,
                                 int32_t depth, int32_t sum) {
  int32_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    sum = squint_dot_pairs(squint_load_pairs(a + k), squint_load_pairs(b + k),
                           sum);
  }
  for (; k < depth; ++k) sum += a[k] * b[k];
  return sum;
}

static inline void squint_dot_2x2(const int8_t* x0, const int8_t* x1,
                                  const int8_t* w0, const int8_t* w1,
                                  int32_t depth, int32_t sums[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  int32_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    const squint_pairs a0 = squint_load_pairs(x0 + k);
    const squint_pairs a1 = squint_load_pairs(x1 + k);
    const squint_pairs b0 = squint_load_pairs(w0 + k);
    const squint_pairs b1 = squint_load_pairs(w1 + k);
    s0 = squint_dot_pairs(a0, b0, s0);
    s1 = squint_dot_pairs(a0, b1, s1);
    s2 = squint_dot_pairs(a1, b0, s2);
    s3 = squint_dot_pairs(a1, b1, s3);
  }
  for (; k < depth; ++k) {
    s0 += x0[k] * w0[k];
    s1 += x0[k] * w1[k];
    s2 += x1[k] * w0[k];
    s3 += x1[k] * w1[k];
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

#else

static inline int32_t squint_dot(const int8_t* a, const int8_t* b,
                                 int32_t depth, int32_t sum) {
  for (int32_t k = 0; k < depth; ++k) sum += a[k] * b[k];
  return sum;
}

static inline void squint_dot_2x2(const int8_t* x0, const int8_t* x1,
                                  const int8_t* w0, const int8_t* w1,
                                  int32_t depth, int32_t sums[4]) {
  sums[0] = squint_dot(x0, w0, depth, sums[0]);
  sums[1] = squint_dot(x0, w1, depth, sums[1]);
  sums[2] = squint_dot(x1, w0, depth, sums[2]);
  sums[3] = squint_dot(x1, w1, depth, sums[3]);
}

#endif

static inline void squint_one_row(const int8_t* x,
                                  const squint_columns* columns,
                                  const squint_weights* weights,
                                  const squint_output* output, int8_t* y) {
  const int8_t* w = weights->w;
  for (int32_t n = 0; n < columns->count; ++n) {
    const int32_t sum = squint_dot(x, w, columns->depth, weights->bias[n]);
    y[n] = squint_finish(sum, n, columns, weights, output);
    w += columns->depth;
  }
}

static inline void squint_two_rows(const int8_t* x0, const int8_t* x1,
                                   const squint_columns* columns,
                                   const squint_weights* weights,
                                   const squint_output* output, int8_t* y0,
                                   int8_t* y1) {
  const int8_t* w = weights->w;
  const int32_t depth = columns->depth;
  int32_t n = 0;
  for (; n + 2 <= columns->count; n += 2) {
    const int32_t b0 = weights->bias[n], b1 = weights->bias[n + 1];
    int32_t sums[4];
    sums[0] = sums[2] = b0;
    sums[1] = sums[3] = b1;
    squint_dot_2x2(x0, x1, w, w + depth, depth, sums);
    y0[n] = squint_finish(sums[0], n, columns, weights, output);
    y0[n + 1] = squint_finish(sums[1], n + 1, columns, weights, output);
    y1[n] = squint_finish(sums[2], n, columns, weights, output);
    y1[n + 1] = squint_finish(sums[3], n + 1, columns, weights, output);
    w += 2 * depth;
  }
  if (n < columns->count) {
    const int32_t bias = weights->bias[n];
    y0[n] = squint_finish(squint_dot(x0, w, depth, bias), n, columns, weights,
                          output);
    y1[n] = squint_finish(squint_dot(x1, w, depth, bias), n, columns, weights,
                          output);
  }
}

#endif  // SQUINT_KERNELS_FIXED_DOT_H_
