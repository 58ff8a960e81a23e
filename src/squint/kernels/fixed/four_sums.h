// Sums of four neighbouring channels.
#ifndef SQUINT_KERNELS_FIXED_FOUR_SUMS_H_
#define SQUINT_KERNELS_FIXED_FOUR_SUMS_H_

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

typedef int32x4_t squint_four;

static inline squint_four squint_four_load(const int32_t* sums) {
  return vld1q_s32(sums);
}

/* Scaled as squint_scale does where all shifts are above 32. */
static inline squint_four squint_four_scale(squint_four sums,
                                            squint_four multiplier,
                                            squint_four shift) {
  const int32x4_t upper = vmulhq_s32(sums, multiplier);
  const int32x4_t left = vsubq_s32(vdupq_n_s32(33), shift);
  return vshrq_n_s32(vaddq_n_s32(vshlq_s32(upper, left), 1), 1);
}

#else

typedef struct squint_four {
  int32_t sum_0;
  int32_t sum_1;
  int32_t sum_2;
  int32_t sum_3;
} squint_four;

static inline squint_four squint_four_load(const int32_t* sums) {
  squint_four four;
  memcpy(&four, sums, sizeof four);
  return four;
}

#endif

#endif  // SQUINT_KERNELS_FIXED_FOUR_SUMS_H_
