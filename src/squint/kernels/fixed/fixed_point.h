// Fixed point: a real factor as an integer and a shift, one rounding.
#ifndef SQUINT_KERNELS_FIXED_FIXED_POINT_H_
#define SQUINT_KERNELS_FIXED_FIXED_POINT_H_

#include <stdint.h>

static inline int32_t squint_clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

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

/* The sum as 8 bits around the zero point of the result. */
static inline int8_t squint_requantize(int32_t sum, int32_t multiplier,
                                       int32_t shift, int32_t zero) {
  return (int8_t)squint_clamp(squint_scale(sum, multiplier, shift) + zero,
                              INT8_MIN, INT8_MAX);
}

#endif  // SQUINT_KERNELS_FIXED_FIXED_POINT_H_
