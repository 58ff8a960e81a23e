// Products of rows with weights of 4 bits (nibbles.h), else as products.h has
// them.
#ifndef SQUINT_KERNELS_FIXED_DOT_NIBBLES_H_
#define SQUINT_KERNELS_FIXED_DOT_NIBBLES_H_

#include <stdint.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/dual.h"
#include "squint/kernels/fixed/nibbles.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>
#endif

/* Bytes of a row. */
static inline int32_t squint_nibble_bytes(int32_t depth) {
  return (depth + 7) / 8 * 4;
}

#if defined(__ARM_FEATURE_MVE)

/* Weights k .. k + 15 of a row, 16 times. */
static inline int8x16_t squint_load_nibbles(const int8_t* w, int32_t k,
                                            mve_pred16_t rest) {
  const uint8x16_t lane = vidupq_n_u8(0, 1);
  const uint8x16_t upper = vandq_u8(lane, vdupq_n_u8(4));
  const uint8x16_t at = vorrq_u8(vandq_u8(lane, vdupq_n_u8(3)),
                                 vshrq_n_u8(vandq_u8(lane, vdupq_n_u8(8)), 1));
  const int8x16_t left = vreinterpretq_s8_u8(vsubq_u8(vdupq_n_u8(4), upper));
  const int8x16_t bytes = vldrbq_gather_offset_z_s8(w + k / 2, at, rest);
  return vandq_s8(vshlq_s8(bytes, left), vdupq_n_s8(-16));
}

static inline int32_t squint_dot_nibbles(const int8_t* x, const int8_t* w,
                                         int32_t depth) {
  int32_t sum = 0;
  for (int32_t k = 0; k < depth; k += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    sum = vmladavaq_p_s8(sum, vldrbq_z_s8(x + k, rest),
                         squint_load_nibbles(w, k, rest), rest);
  }
  return sum / 16;
}

/* Rows x and x + depth by one column. */
static inline void squint_two_dots_nibbles(const int8_t* x, const int8_t* w,
                                           int32_t depth, int32_t sums[2]) {
  int32_t s0 = 0, s1 = 0;
  for (int32_t k = 0; k < depth; k += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    const int8x16_t b = squint_load_nibbles(w, k, rest);
    s0 = vmladavaq_p_s8(s0, vldrbq_z_s8(x + k, rest), b, rest);
    s1 = vmladavaq_p_s8(s1, vldrbq_z_s8(x + depth + k, rest), b, rest);
  }
  sums[0] = s0 / 16;
  sums[1] = s1 / 16;
}

#elif defined(__ARM_FEATURE_SIMD32)

/* The lower or upper halves of four bytes, 16 times. */
static inline squint_pairs squint_lower_nibbles(int32_t word) {
  return squint_pairs_of((int32_t)(((uint32_t)word << 4) & 0xf0f0f0f0u));
}
static inline squint_pairs squint_upper_nibbles(int32_t word) {
  return squint_pairs_of((int32_t)((uint32_t)word & 0xf0f0f0f0u));
}

static inline int32_t squint_dot_nibbles(const int8_t* x, const int8_t* w,
                                         int32_t depth) {
  int32_t sum = 0;
  const int32_t eights = depth / 8 * 8;
  for (int32_t k = 0; k < eights; k += 8) {
    const int32_t word = squint_load_word(w + k / 2);
    sum = squint_dot_pairs(squint_load_pairs(x + k), squint_lower_nibbles(word),
                           sum);
    sum = squint_dot_pairs(squint_load_pairs(x + k + 4),
                           squint_upper_nibbles(word), sum);
  }
  for (int32_t k = eights; k < depth; ++k) sum += x[k] * squint_nibble(w, k);
  return sum / 16;
}

/* Rows x and x + depth by one column. */
static inline void squint_two_dots_nibbles(const int8_t* x, const int8_t* w,
                                           int32_t depth, int32_t sums[2]) {
  int32_t s0 = 0, s1 = 0;
  const int32_t eights = depth / 8 * 8;
  for (int32_t k = 0; k < eights; k += 8) {
    const int32_t word = squint_load_word(w + k / 2);
    const squint_pairs lower = squint_lower_nibbles(word);
    s0 = squint_dot_pairs(squint_load_pairs(x + k), lower, s0);
    s1 = squint_dot_pairs(squint_load_pairs(x + depth + k), lower, s1);
    const squint_pairs upper = squint_upper_nibbles(word);
    s0 = squint_dot_pairs(squint_load_pairs(x + k + 4), upper, s0);
    s1 = squint_dot_pairs(squint_load_pairs(x + depth + k + 4), upper, s1);
  }
  for (int32_t k = eights; k < depth; ++k) {
    const int32_t weight = squint_nibble(w, k);
    s0 += x[k] * weight;
    s1 += x[depth + k] * weight;
  }
  sums[0] = s0 / 16;
  sums[1] = s1 / 16;
}

#else

static inline int32_t squint_dot_nibbles(const int8_t* x, const int8_t* w,
                                         int32_t depth) {
  int32_t sum = 0;
  const int32_t eights = depth / 8 * 8;
  for (int32_t k = 0; k < eights; k += 8, x += 8, w += 4) {
    for (int32_t i = 0; i < 4; ++i) {
      sum += x[i] * squint_nibble(w, i) + x[i + 4] * squint_nibble(w, i + 4);
    }
  }
  for (int32_t k = 0; k < depth - eights; ++k)
    sum += x[k] * squint_nibble(w, k);
  return sum / 16;
}

/* Rows x and x + depth by one column. */
static inline void squint_two_dots_nibbles(const int8_t* x, const int8_t* w,
                                           int32_t depth, int32_t sums[2]) {
  sums[0] = squint_dot_nibbles(x, w, depth);
  sums[1] = squint_dot_nibbles(x + depth, w, depth);
}

#endif

static inline void squint_one_row_nibbles(const int8_t* x,
                                          squint_columns columns,
                                          squint_weights weights,
                                          int32_t zero_y, int8_t* y) {
  const int8_t* w = weights.w;
  for (int32_t n = 0; n < columns.count; ++n) {
    const int32_t sum = squint_dot_nibbles(x, w, columns.depth);
    y[n] = squint_finish(weights.bias[n] + sum, n, weights, zero_y);
    w += squint_nibble_bytes(columns.depth);
  }
}

/* Rows x and x + depth, to results y0 and y1. */
static inline void squint_two_rows_nibbles(const int8_t* x,
                                           squint_columns columns,
                                           squint_weights weights,
                                           int32_t zero_y, int8_t* y0,
                                           int8_t* y1) {
  const int8_t* w = weights.w;
  for (int32_t n = 0; n < columns.count; ++n) {
    int32_t sums[2];
    squint_two_dots_nibbles(x, w, columns.depth, sums);
    y0[n] = squint_finish(weights.bias[n] + sums[0], n, weights, zero_y);
    y1[n] = squint_finish(weights.bias[n] + sums[1], n, weights, zero_y);
    w += squint_nibble_bytes(columns.depth);
  }
}

#endif  // SQUINT_KERNELS_FIXED_DOT_NIBBLES_H_
