// Fixed point: a real factor as an integer and a shift, one rounding.
#ifndef SQUINT_KERNELS_FIXED_FIXED_POINT_H_
#define SQUINT_KERNELS_FIXED_FIXED_POINT_H_

#include <stdint.h>

/* How sums become the 8 bits of a result. */
typedef struct squint_output {
  int32_t zero; /* the zero point */
  int32_t low;  /* least and greatest result */
  int32_t high;
} squint_output;

static inline int32_t squint_clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

/* value * multiplier / 2^shift, rounded once, half towards +infinity;
   0 <= multiplier < 2^31, 1 <= shift <= 62. Saturates. */
static inline int32_t squint_scale(int32_t value, int32_t multiplier,
                                   int32_t shift) {
  const int64_t product = (int64_t)value * multiplier;
  if (shift > 32) { /* only the upper word matters, and nothing overflows */
    const int32_t upper = (int32_t)(product >> 32);
    return (upper + ((int32_t)1 << (shift - 33))) >> (shift - 32);
  }
  const int64_t scaled = (product + ((int64_t)1 << (shift - 1))) >> shift;
  return scaled > INT32_MAX   ? INT32_MAX
         : scaled < INT32_MIN ? INT32_MIN
                              : (int32_t)scaled;
}

static inline int8_t squint_requantize(int32_t sum, int32_t multiplier,
                                       int32_t shift,
                                       const squint_output* output) {
  const int32_t scaled = squint_scale(sum, multiplier, shift);
  /* What lies beyond 16 bits is clamped anyway. */
  const int32_t near = squint_clamp(scaled, -65536, 65536);
  return (int8_t)squint_clamp(near + output->zero, output->low, output->high);
}

#endif  // SQUINT_KERNELS_FIXED_FIXED_POINT_H_
