// Sums of four neighbouring channels, numbers of 16 bits by weights of 8.
#ifndef SQUINT_KERNELS_FIXED_FOUR_16_H_
#define SQUINT_KERNELS_FIXED_FOUR_16_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/channel_16.h"
#include "squint/kernels/fixed/four_sums.h"

#if defined(__ARM_FEATURE_MVE)

static inline squint_four squint_four_add_16(squint_four sums, const int8_t* x,
                                             const int8_t* w) {
  const int32x4_t four = vldrhq_s32((const int16_t*)x);
  return vaddq_s32(sums, vmulq_s32(four, vldrbq_s32(w)));
}

/* Results c .. c + 3 of y. */
static inline void squint_four_finish_16(squint_four sums, int32_t c,
                                         squint_weights weights, int32_t zero_y,
                                         int8_t* y) {
  const int32x4_t shift = vldrbq_s32(weights.shift + c);
  if (vminvq_s32(INT32_MAX, shift) > 32) {
    int32x4_t steps =
        squint_four_scale(sums, vld1q_s32(weights.multiplier + c), shift);
    steps = vaddq_n_s32(steps, zero_y);
    steps = vmaxq_s32(vminq_s32(steps, vdupq_n_s32(INT16_MAX)),
                      vdupq_n_s32(INT16_MIN));
    vstrhq_s32((int16_t*)y + c, steps);
    return;
  }
  int32_t each[4];
  vst1q_s32(each, sums);
  for (int32_t i = 0; i < 4; ++i) {
    squint_finish_16(each[i], c + i, weights, zero_y, y);
  }
}

#else

#if defined(__ARM_FEATURE_SIMD32)
#include <arm_acle.h>

/* Numbers of x in pairs as they lie; bytes 0 and 2 of w in halves of a word,
   then 1 and 3. */
static inline squint_four squint_four_add_16(squint_four sums, const int8_t* x,
                                             const int8_t* w) {
  int32_t first, second, even, odd;
  memcpy(&first, x, sizeof first);
  memcpy(&second, x + 4, sizeof second);
  memcpy(&even, w, sizeof even);
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(odd) : "r"(even));
  even = __sxtb16(even);
  sums.sum_0 = __smlabb(first, even, sums.sum_0);
  sums.sum_1 = __smlatb(first, odd, sums.sum_1);
  sums.sum_2 = __smlabt(second, even, sums.sum_2);
  sums.sum_3 = __smlatt(second, odd, sums.sum_3);
  return sums;
}

#else

static inline squint_four squint_four_add_16(squint_four sums, const int8_t* x,
                                             const int8_t* w) {
  sums.sum_0 += squint_get16(x, 0) * w[0];
  sums.sum_1 += squint_get16(x, 1) * w[1];
  sums.sum_2 += squint_get16(x, 2) * w[2];
  sums.sum_3 += squint_get16(x, 3) * w[3];
  return sums;
}

#endif

/* Results c .. c + 3 of y. */
static inline void squint_four_finish_16(squint_four sums, int32_t c,
                                         squint_weights weights, int32_t zero_y,
                                         int8_t* y) {
  squint_finish_16(sums.sum_0, c, weights, zero_y, y);
  squint_finish_16(sums.sum_1, c + 1, weights, zero_y, y);
  squint_finish_16(sums.sum_2, c + 2, weights, zero_y, y);
  squint_finish_16(sums.sum_3, c + 3, weights, zero_y, y);
}

#endif

#endif  // SQUINT_KERNELS_FIXED_FOUR_16_H_
