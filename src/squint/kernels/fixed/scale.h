// Fixed point: a real factor as an integer and a shift, one rounding.
#ifndef SQUINT_KERNELS_FIXED_SCALE_H_
#define SQUINT_KERNELS_FIXED_SCALE_H_

#include <stdint.h>

/* value * multiplier / 2^shift, rounded once, half towards +infinity, and kept
   within +-2^30; |multiplier| < 2^31, 1 <= shift <= 62. */
static inline int32_t squint_scale(int32_t value, int32_t multiplier,
                                   int32_t shift) {
  const int64_t product = (int64_t)value * multiplier;
  const int64_t limit = (int64_t)1 << 30;
  if (shift > 32) { /* only the upper word matters, and is small enough */
    const int32_t upper = (int32_t)(product >> 32);
    return ((upper >> (shift - 33)) + 1) >> 1;
  }
  const int64_t scaled = (product + ((int64_t)1 << (shift - 1))) >> shift;
  return (int32_t)(scaled > limit ? limit : scaled < -limit ? -limit : scaled);
}

#endif  // SQUINT_KERNELS_FIXED_SCALE_H_
