// Sums and means (the factor says which):
//
//   y[o][i] = requantize(sum over r of (x[o][r][i] - zero))
#ifndef SQUINT_KERNELS_FIXED_SUM_H_
#define SQUINT_KERNELS_FIXED_SUM_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/reduce.h"

static void squint_sum(const squint_reduced* shape, int32_t zero,
                       int32_t multiplier, int32_t shift, int32_t zero_y,
                       const int8_t* x, int8_t* y) {
  for (int32_t o = 0; o < shape->outer; ++o) {
    for (int32_t i = 0; i < shape->inner; ++i) {
      int32_t sum = -zero * shape->reduced;
      for (int32_t r = 0; r < shape->reduced; ++r) {
        sum += x[r * shape->inner + i];
      }
      *y++ = squint_requantize(sum, multiplier, shift, zero_y);
    }
    x += shape->reduced * shape->inner;
  }
}

#endif  // SQUINT_KERNELS_FIXED_SUM_H_
