// Real numbers as integers of 16 bits.
#ifndef SQUINT_KERNELS_REAL_REAL_QUANTIZE_16_H_
#define SQUINT_KERNELS_REAL_REAL_QUANTIZE_16_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_steps.h"

static void squint_real_quantize_16(int32_t count, float scale, int32_t zero,
                                    const int8_t* x, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    const int16_t steps = (int16_t)squint_steps(squint_get_real(x, i), scale,
                                                zero, INT16_MIN, INT16_MAX);
    memcpy(y + 2 * i, &steps, sizeof steps);
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_QUANTIZE_16_H_
