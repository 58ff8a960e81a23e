// x by the normal distribution: x / 2 * (1 + erf(x / sqrt(2))), and by tanh
// where p is not 0.
#ifndef SQUINT_KERNELS_REAL_REAL_GELU_H_
#define SQUINT_KERNELS_REAL_REAL_GELU_H_

#include <math.h>

static float squint_real_gelu(float x, float p, float q) {
  (void)q;
  if (p == 0.0f) return 0.5f * x * (1.0f + erff(x * 0.70710678f));
  return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}

#endif  // SQUINT_KERNELS_REAL_REAL_GELU_H_
