// Sums of products, numbers of 16 bits by weights of 8. A row of x takes twice
// the bytes of a row of weights.
#ifndef SQUINT_KERNELS_FIXED_DOT_16_H_
#define SQUINT_KERNELS_FIXED_DOT_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/dual.h"
#include "squint/kernels/fixed/sixteen.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

/* 8 products at a time, the last ones masked. */
static inline int32_t squint_dot_16(const int8_t* x, const int8_t* w,
                                    int32_t depth, int32_t sum) {
  for (int32_t k = 0; k < depth; k += 8) {
    const mve_pred16_t rest = vctp16q((uint32_t)(depth - k));
    const int16x8_t a = vldrhq_z_s16((const int16_t*)x + k, rest);
    sum = vmladavaq_p_s16(sum, a, vldrbq_z_s16(w + k, rest), rest);
  }
  return sum;
}

/* Two rows by two columns, both one behind the other:
   sums[2 * row + column]. */
static inline void squint_dot_2x2_16(const int8_t* x, const int8_t* w,
                                     int32_t depth, int32_t sums[4]) {
  const int16_t* const rows = (const int16_t*)x;
  for (int32_t k = 0; k < depth; k += 8) {
    const mve_pred16_t rest = vctp16q((uint32_t)(depth - k));
    const int16x8_t a0 = vldrhq_z_s16(rows + k, rest);
    const int16x8_t a1 = vldrhq_z_s16(rows + depth + k, rest);
    const int16x8_t b0 = vldrbq_z_s16(w + k, rest);
    const int16x8_t b1 = vldrbq_z_s16(w + depth + k, rest);
    sums[0] = vmladavaq_p_s16(sums[0], a0, b0, rest);
    sums[1] = vmladavaq_p_s16(sums[1], a0, b1, rest);
    sums[2] = vmladavaq_p_s16(sums[2], a1, b0, rest);
    sums[3] = vmladavaq_p_s16(sums[3], a1, b1, rest);
  }
}

#elif defined(__ARM_FEATURE_SIMD32)

/* Bytes 0 and 1 of four, then 2 and 3, as pairs of 16 bits: halves of what two
   instructions extend. */
typedef struct squint_neighbours {
  int16x2_t first;
  int16x2_t second;
} squint_neighbours;

static inline squint_neighbours squint_load_neighbours(const int8_t* bytes) {
  const squint_pairs pairs = squint_load_pairs(bytes);
  const uint32_t even = (uint32_t)pairs.even;
  const uint32_t odd = (uint32_t)pairs.odd;
  squint_neighbours both;
  both.first = (int32_t)((even & 0xffff) | (odd << 16));
  both.second = (int32_t)((odd & 0xffff0000) | (even >> 16));
  return both;
}

/* Four numbers of x by four weights. */
static inline int32_t squint_dot_four(const int8_t* x, squint_neighbours w,
                                      int32_t sum) {
  return __smlad(squint_load_word(x + 4), w.second,
                 __smlad(squint_load_word(x), w.first, sum));
}

static inline int32_t squint_dot_16(const int8_t* x, const int8_t* w,
                                    int32_t depth, int32_t sum) {
  const int8_t* const end = w + depth;
  const int8_t* const fours = end - depth % 4;
  for (; w != fours; x += 8, w += 4) {
    sum = squint_dot_four(x, squint_load_neighbours(w), sum);
  }
  for (; w != end; x += 2, ++w) sum += squint_get16(x, 0) * *w;
  return sum;
}

/* Two rows by two columns, both one behind the other:
   sums[2 * row + column]. */
static inline void squint_dot_2x2_16(const int8_t* x, const int8_t* w,
                                     int32_t depth, int32_t sums[4]) {
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  const int8_t* const end = w + depth;
  const int8_t* const fours = end - depth % 4;
  const int8_t* z = x + 2 * depth;
  for (; w != fours; x += 8, z += 8, w += 4) {
    const squint_neighbours b0 = squint_load_neighbours(w);
    s0 = squint_dot_four(x, b0, s0);
    s2 = squint_dot_four(z, b0, s2);
    const squint_neighbours b1 = squint_load_neighbours(w + depth);
    s1 = squint_dot_four(x, b1, s1);
    s3 = squint_dot_four(z, b1, s3);
  }
  for (; w != end; x += 2, z += 2, ++w) {
    s0 += squint_get16(x, 0) * w[0];
    s1 += squint_get16(x, 0) * w[depth];
    s2 += squint_get16(z, 0) * w[0];
    s3 += squint_get16(z, 0) * w[depth];
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

#else

static inline int32_t squint_dot_16(const int8_t* x, const int8_t* w,
                                    int32_t depth, int32_t sum) {
  for (int32_t k = 0; k < depth; ++k) sum += squint_get16(x, k) * w[k];
  return sum;
}

/* Two rows by two columns, both one behind the other:
   sums[2 * row + column]. */
static inline void squint_dot_2x2_16(const int8_t* x, const int8_t* w,
                                     int32_t depth, int32_t sums[4]) {
  sums[0] = squint_dot_16(x, w, depth, sums[0]);
  sums[1] = squint_dot_16(x, w + depth, depth, sums[1]);
  sums[2] = squint_dot_16(x + 2 * depth, w, depth, sums[2]);
  sums[3] = squint_dot_16(x + 2 * depth, w + depth, depth, sums[3]);
}

#endif

#endif  // SQUINT_KERNELS_FIXED_DOT_16_H_
