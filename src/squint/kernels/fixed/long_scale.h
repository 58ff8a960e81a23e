// Sums of 64 bits in fixed point (scale.h).
#ifndef SQUINT_KERNELS_FIXED_LONG_SCALE_H_
#define SQUINT_KERNELS_FIXED_LONG_SCALE_H_

#include <stdint.h>

/* Within +-2^30. */
static inline int64_t squint_limit(int64_t value) {
  const int64_t limit = (int64_t)1 << 30;
  return value > limit ? limit : value < -limit ? -limit : value;
}

/* sum * multiplier / 2^shift, rounded once, half towards +infinity, and kept
   within +-2^30; |sum| < 2^62, 1 <= shift <= 62, 2^30 <= multiplier < 2^31, or
   0. The product of 93 bits is made of two: that of the sum's lower word
   carries into the other. Factors above 1/4 see sums within +-2^30, which is
   more than a result of 16 bits can show. */
static inline int32_t squint_long_scale(int64_t sum, int32_t multiplier,
                                        int32_t shift) {
  const int64_t half = (int64_t)1 << (shift - 1);
  if (shift >= 32) {
    const uint64_t low =
        (uint64_t)(uint32_t)sum * (uint32_t)multiplier + (uint64_t)half;
    const int64_t high = (sum >> 32) * multiplier + (int64_t)(low >> 32);
    return (int32_t)squint_limit(high >> (shift - 32));
  }
  return (int32_t)squint_limit((squint_limit(sum) * multiplier + half) >>
                               shift);
}

#endif  // SQUINT_KERNELS_FIXED_LONG_SCALE_H_
