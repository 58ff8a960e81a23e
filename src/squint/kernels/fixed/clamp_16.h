// 16-bit numbers kept between two others: Relu and Clip on one grid. May run in
// place.
#ifndef SQUINT_KERNELS_FIXED_CLAMP_16_H_
#define SQUINT_KERNELS_FIXED_CLAMP_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/sixteen.h"

static void squint_clamp_16(int32_t count, int32_t low, int32_t high,
                            const int8_t* x, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    squint_set16(y, i, squint_clamp(squint_get16(x, i), low, high));
  }
}

#endif  // SQUINT_KERNELS_FIXED_CLAMP_16_H_
