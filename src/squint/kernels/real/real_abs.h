// The magnitude.
#ifndef SQUINT_KERNELS_REAL_REAL_ABS_H_
#define SQUINT_KERNELS_REAL_REAL_ABS_H_

#include <math.h>

static float squint_real_abs(float x, float p, float q) {
  (void)p;
  (void)q;
  return fabsf(x);
}

#endif  // SQUINT_KERNELS_REAL_REAL_ABS_H_
