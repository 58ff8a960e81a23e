// Sums of 32 bits as results of 8.
#ifndef SQUINT_KERNELS_FIXED_FIXED_POINT_H_
#define SQUINT_KERNELS_FIXED_FIXED_POINT_H_

#include <stdint.h>

#include "squint/kernels/fixed/clamp.h"
#include "squint/kernels/fixed/scale.h"

/* The sum as 8 bits around the zero point of the result. */
static inline int8_t squint_requantize(int32_t sum, int32_t multiplier,
                                       int32_t shift, int32_t zero) {
  return (int8_t)squint_clamp(squint_scale(sum, multiplier, shift) + zero,
                              INT8_MIN, INT8_MAX);
}

#endif  // SQUINT_KERNELS_FIXED_FIXED_POINT_H_
