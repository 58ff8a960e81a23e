// A number between two others.
#ifndef SQUINT_KERNELS_FIXED_CLAMP_H_
#define SQUINT_KERNELS_FIXED_CLAMP_H_

#include <stdint.h>

static inline int32_t squint_clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

#endif  // SQUINT_KERNELS_FIXED_CLAMP_H_
