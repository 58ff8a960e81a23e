// Sums of four neighbouring channels, bytes by bytes.
#ifndef SQUINT_KERNELS_FIXED_FOUR_H_
#define SQUINT_KERNELS_FIXED_FOUR_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/four_sums.h"

#if defined(__ARM_FEATURE_MVE)

static inline squint_four squint_four_add(squint_four sums, const int8_t* x,
                                          const int8_t* w) {
  return vaddq_s32(sums, vmulq_s32(vldrbq_s32(x), vldrbq_s32(w)));
}

/* Results of channels c .. c + 3: squint_requantize in vectors, where all
   factors are small enough for its first case. */
static inline void squint_four_finish(squint_four sums, int32_t c,
                                      squint_weights weights, int32_t zero_y,
                                      int8_t* y) {
  const int32x4_t shift = vldrbq_s32(weights.shift + c);
  if (vminvq_s32(INT32_MAX, shift) > 32) {
    int32x4_t steps =
        squint_four_scale(sums, vld1q_s32(weights.multiplier + c), shift);
    steps = vaddq_n_s32(steps, zero_y);
    steps = vmaxq_s32(vminq_s32(steps, vdupq_n_s32(INT8_MAX)),
                      vdupq_n_s32(INT8_MIN));
    vstrbq_s32(y, steps);
    return;
  }
  int32_t each[4];
  vst1q_s32(each, sums);
  for (int32_t i = 0; i < 4; ++i) {
    y[i] = squint_finish(each[i], c + i, weights, zero_y);
  }
}

#else

#if defined(__ARM_FEATURE_SIMD32)
#include <arm_acle.h>

/* Bytes 0 and 2 in halves of a word, then 1 and 3. */
static inline squint_four squint_four_add(squint_four sums, const int8_t* x,
                                          const int8_t* w) {
  int32_t a, b, odd_a, odd_b;
  memcpy(&a, x, sizeof a);
  memcpy(&b, w, sizeof b);
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd_a) : "r"(a));
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd_b) : "r"(b));
  a = __sxtb16(a);
  b = __sxtb16(b);
  sums.sum_0 = __smlabb(a, b, sums.sum_0);
  sums.sum_1 = __smlabb(odd_a, odd_b, sums.sum_1);
  sums.sum_2 = __smlatt(a, b, sums.sum_2);
  sums.sum_3 = __smlatt(odd_a, odd_b, sums.sum_3);
  return sums;
}

#else

static inline squint_four squint_four_add(squint_four sums, const int8_t* x,
                                          const int8_t* w) {
  sums.sum_0 += x[0] * w[0];
  sums.sum_1 += x[1] * w[1];
  sums.sum_2 += x[2] * w[2];
  sums.sum_3 += x[3] * w[3];
  return sums;
}

#endif

/* Results of channels c .. c + 3. */
static inline void squint_four_finish(squint_four sums, int32_t c,
                                      squint_weights weights, int32_t zero_y,
                                      int8_t* y) {
  y[0] = squint_finish(sums.sum_0, c, weights, zero_y);
  y[1] = squint_finish(sums.sum_1, c + 1, weights, zero_y);
  y[2] = squint_finish(sums.sum_2, c + 2, weights, zero_y);
  y[3] = squint_finish(sums.sum_3, c + 3, weights, zero_y);
}

#endif

#endif  // SQUINT_KERNELS_FIXED_FOUR_H_
