// Sums and means of 16-bit numbers (sum.h), of at most 2^15 of them.
#ifndef SQUINT_KERNELS_FIXED_SUM_16_H_
#define SQUINT_KERNELS_FIXED_SUM_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/reduce.h"
#include "squint/kernels/fixed/scale.h"
#include "squint/kernels/fixed/sixteen.h"

static void squint_sum_of_16(const squint_reduced* shape, int32_t zero,
                             int32_t multiplier, int32_t shift, int32_t zero_y,
                             const int8_t* x, int8_t* y) {
  for (int32_t o = 0; o < shape->outer; ++o) {
    for (int32_t i = 0; i < shape->inner; ++i, y += 2) {
      int32_t sum = -zero * shape->reduced;
      for (int32_t r = 0; r < shape->reduced; ++r) {
        sum += squint_get16(x, r * shape->inner + i);
      }
      squint_set16(y, 0, squint_scale(sum, multiplier, shift) + zero_y);
    }
    x += 2 * shape->reduced * shape->inner;
  }
}

#endif  // SQUINT_KERNELS_FIXED_SUM_16_H_
