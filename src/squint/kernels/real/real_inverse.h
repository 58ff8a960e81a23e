// 1 / x.
#ifndef SQUINT_KERNELS_REAL_REAL_INVERSE_H_
#define SQUINT_KERNELS_REAL_REAL_INVERSE_H_

static float squint_real_inverse(float x, float p, float q) {
  (void)p;
  (void)q;
  return 1.0f / x;
}

#endif  // SQUINT_KERNELS_REAL_REAL_INVERSE_H_
