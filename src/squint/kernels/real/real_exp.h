// The exponential.
#ifndef SQUINT_KERNELS_REAL_REAL_EXP_H_
#define SQUINT_KERNELS_REAL_REAL_EXP_H_

#include <math.h>

static float squint_real_exp(float x, float p, float q) {
  (void)p;
  (void)q;
  return expf(x);
}

#endif  // SQUINT_KERNELS_REAL_REAL_EXP_H_
