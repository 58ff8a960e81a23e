// Sums of products, bytes by bytes.
#ifndef SQUINT_KERNELS_FIXED_DOT_H_
#define SQUINT_KERNELS_FIXED_DOT_H_

#include <stdint.h>

#include "squint/kernels/fixed/dual.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

/* 16 products at a time, the last ones masked. */
static inline int32_t squint_dot(const int8_t* x, const int8_t* w,
                                 int32_t depth, int32_t sum) {
  for (int32_t k = 0; k < depth; k += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    sum = vmladavaq_p_s8(sum, vldrbq_z_s8(x + k, rest),
                         vldrbq_z_s8(w + k, rest), rest);
  }
  return sum;
}

/* One row by two columns, which lie one behind the other. */
static inline void squint_dot_1x2(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[2]) {
  for (int32_t k = 0; k < depth; k += 16) {
    const mve_pred16_t rest = vctp8q((uint32_t)(depth - k));
    const int8x16_t a = vldrbq_z_s8(x + k, rest);
    sums[0] = vmladavaq_p_s8(sums[0], a, vldrbq_z_s8(w + k, rest), rest);
    sums[1] =
        vmladavaq_p_s8(sums[1], a, vldrbq_z_s8(w + depth + k, rest), rest);
  }
}

#elif defined(__ARM_FEATURE_SIMD32)

static inline int32_t squint_dot(const int8_t* x, const int8_t* w,
                                 int32_t depth, int32_t sum) {
  const int8_t* const end = x + depth;
  const int8_t* const fours = end - depth % 4;
  for (; x != fours; x += 4, w += 4) {
    sum = squint_dot_pairs(squint_load_pairs(x), squint_load_pairs(w), sum);
  }
  while (x != end) sum += *x++ * *w++;
  return sum;
}

/* One row by two columns, which lie one behind the other. */
static inline void squint_dot_1x2(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[2]) {
  int32_t s0 = sums[0], s1 = sums[1];
  const int8_t* const end = x + depth;
  const int8_t* const fours = end - depth % 4;
  for (; x != fours; x += 4, w += 4) {
    const squint_pairs a = squint_load_pairs(x);
    s0 = squint_dot_pairs(a, squint_load_pairs(w), s0);
    s1 = squint_dot_pairs(a, squint_load_pairs(w + depth), s1);
  }
  for (; x != end; ++x, ++w) {
    s0 += *x * w[0];
    s1 += *x * w[depth];
  }
  sums[0] = s0;
  sums[1] = s1;
}

#else

static inline int32_t squint_dot(const int8_t* x, const int8_t* w,
                                 int32_t depth, int32_t sum) {
  for (int32_t k = 0; k < depth; ++k) sum += x[k] * w[k];
  return sum;
}

/* One row by two columns, which lie one behind the other. */
static inline void squint_dot_1x2(const int8_t* x, const int8_t* w,
                                  int32_t depth, int32_t sums[2]) {
  sums[0] = squint_dot(x, w, depth, sums[0]);
  sums[1] = squint_dot(x, w + depth, depth, sums[1]);
}

#endif

#endif  // SQUINT_KERNELS_FIXED_DOT_H_
