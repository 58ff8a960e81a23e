// The square root.
#ifndef SQUINT_KERNELS_REAL_REAL_SQRT_H_
#define SQUINT_KERNELS_REAL_REAL_SQRT_H_

#include <math.h>

static float squint_real_sqrt(float x, float p, float q) {
  (void)p;
  (void)q;
  return sqrtf(x);
}

#endif  // SQUINT_KERNELS_REAL_REAL_SQRT_H_
