// 1 / (1 + exp(-x)).
#ifndef SQUINT_KERNELS_REAL_REAL_SIGMOID_H_
#define SQUINT_KERNELS_REAL_REAL_SIGMOID_H_

#include <math.h>

static float squint_real_sigmoid(float x, float p, float q) {
  (void)p;
  (void)q;
  return 1.0f / (1.0f + expf(-x));
}

#endif  // SQUINT_KERNELS_REAL_REAL_SIGMOID_H_
