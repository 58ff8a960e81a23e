// p * x + q.
#ifndef SQUINT_KERNELS_REAL_REAL_SCALED_H_
#define SQUINT_KERNELS_REAL_REAL_SCALED_H_

static float squint_real_scaled(float x, float p, float q) { return p * x + q; }

#endif  // SQUINT_KERNELS_REAL_REAL_SCALED_H_
