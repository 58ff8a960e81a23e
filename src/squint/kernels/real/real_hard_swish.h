// x * (p * x + q), the factor between 0 and 1.
#ifndef SQUINT_KERNELS_REAL_REAL_HARD_SWISH_H_
#define SQUINT_KERNELS_REAL_REAL_HARD_SWISH_H_

static float squint_real_hard_swish(float x, float p, float q) {
  const float line = p * x + q;
  return x * (line < 0.0f ? 0.0f : line > 1.0f ? 1.0f : line);
}

#endif  // SQUINT_KERNELS_REAL_REAL_HARD_SWISH_H_
