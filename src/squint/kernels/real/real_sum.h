// Sums and means of real numbers: y[o][i] = factor * sum over r of x[o][r][i].
#ifndef SQUINT_KERNELS_REAL_REAL_SUM_H_
#define SQUINT_KERNELS_REAL_REAL_SUM_H_

#include <stdint.h>

#include "squint/kernels/fixed/reduce.h"
#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_set.h"

static void squint_real_sum(const squint_reduced* shape, float factor,
                            const int8_t* x, int8_t* y) {
  for (int32_t o = 0; o < shape->outer; ++o) {
    for (int32_t i = 0; i < shape->inner; ++i, y += 4) {
      float sum = 0.0f;
      for (int32_t r = 0; r < shape->reduced; ++r) {
        sum += squint_get_real(x, r * shape->inner + i);
      }
      squint_set_real(y, 0, sum * factor);
    }
    x += 4 * shape->reduced * shape->inner;
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_SUM_H_
