// A real number on a grid: divided by the scale, rounded half to even, within
// the type. What is no number becomes the zero point.
#ifndef SQUINT_KERNELS_REAL_REAL_STEPS_H_
#define SQUINT_KERNELS_REAL_REAL_STEPS_H_

#include <math.h>
#include <stdint.h>

static inline int32_t squint_steps(float real, float scale, int32_t zero,
                                   int32_t low, int32_t high) {
  const float steps = rintf(real / scale);
  if (isnan(steps)) return zero;
  if (steps <= (float)(low - zero)) return low;
  return steps >= (float)(high - zero) ? high : (int32_t)steps + zero;
}

#endif  // SQUINT_KERNELS_REAL_REAL_STEPS_H_
