// x where it is positive, else p * x.
#ifndef SQUINT_KERNELS_REAL_REAL_LEAKY_H_
#define SQUINT_KERNELS_REAL_REAL_LEAKY_H_

static float squint_real_leaky(float x, float p, float q) {
  (void)q;
  return x < 0.0f ? p * x : x;
}

#endif  // SQUINT_KERNELS_REAL_REAL_LEAKY_H_
