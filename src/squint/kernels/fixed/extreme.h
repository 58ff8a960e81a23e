// Largest and smallest numbers: y[o][i] over r of x[o][r][i].
#ifndef SQUINT_KERNELS_FIXED_EXTREME_H_
#define SQUINT_KERNELS_FIXED_EXTREME_H_

#include <stdint.h>

#include "squint/kernels/fixed/reduce.h"

/* sign: 1 for the largest, -1 for the smallest. */
static void squint_extreme(const squint_reduced* shape, int32_t sign,
                           const int8_t* x, int8_t* y) {
  for (int32_t o = 0; o < shape->outer; ++o) {
    for (int32_t i = 0; i < shape->inner; ++i) {
      int8_t found = x[i];
      for (int32_t r = 1; r < shape->reduced; ++r) {
        const int8_t next = x[r * shape->inner + i];
        if (sign * next > sign * found) found = next;
      }
      *y++ = found;
    }
    x += shape->reduced * shape->inner;
  }
}

#endif  // SQUINT_KERNELS_FIXED_EXTREME_H_
