// The error function.
#ifndef SQUINT_KERNELS_REAL_REAL_ERF_H_
#define SQUINT_KERNELS_REAL_REAL_ERF_H_

#include <math.h>

static float squint_real_erf(float x, float p, float q) {
  (void)p;
  (void)q;
  return erff(x);
}

#endif  // SQUINT_KERNELS_REAL_REAL_ERF_H_
