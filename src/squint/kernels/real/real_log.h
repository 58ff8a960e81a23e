// The natural logarithm.
#ifndef SQUINT_KERNELS_REAL_REAL_LOG_H_
#define SQUINT_KERNELS_REAL_REAL_LOG_H_

#include <math.h>

static float squint_real_log(float x, float p, float q) {
  (void)p;
  (void)q;
  return logf(x);
}

#endif  // SQUINT_KERNELS_REAL_REAL_LOG_H_
