// The hyperbolic tangent.
#ifndef SQUINT_KERNELS_REAL_REAL_TANH_H_
#define SQUINT_KERNELS_REAL_REAL_TANH_H_

#include <math.h>

static float squint_real_tanh(float x, float p, float q) {
  (void)p;
  (void)q;
  return tanhf(x);
}

#endif  // SQUINT_KERNELS_REAL_REAL_TANH_H_
