// Largest and smallest 16-bit numbers (extreme.h).
#ifndef SQUINT_KERNELS_FIXED_EXTREME_16_H_
#define SQUINT_KERNELS_FIXED_EXTREME_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/reduce.h"
#include "squint/kernels/fixed/sixteen.h"

/* sign: 1 for the largest, -1 for the smallest. */
static void squint_extreme_16(const squint_reduced* shape, int32_t sign,
                              const int8_t* x, int8_t* y) {
  for (int32_t o = 0; o < shape->outer; ++o) {
    for (int32_t i = 0; i < shape->inner; ++i, y += 2) {
      int32_t found = squint_get16(x, i);
      for (int32_t r = 1; r < shape->reduced; ++r) {
        const int32_t next = squint_get16(x, r * shape->inner + i);
        if (sign * next > sign * found) found = next;
      }
      squint_set16(y, 0, found);
    }
    x += 2 * shape->reduced * shape->inner;
  }
}

#endif  // SQUINT_KERNELS_FIXED_EXTREME_16_H_
