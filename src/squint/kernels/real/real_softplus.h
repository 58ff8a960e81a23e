// log(1 + exp(x)).
#ifndef SQUINT_KERNELS_REAL_REAL_SOFTPLUS_H_
#define SQUINT_KERNELS_REAL_REAL_SOFTPLUS_H_

#include <math.h>

static float squint_real_softplus(float x, float p, float q) {
  (void)p;
  (void)q;
  return log1pf(expf(-fabsf(x))) + (x > 0.0f ? x : 0.0f);
}

#endif  // SQUINT_KERNELS_REAL_REAL_SOFTPLUS_H_
