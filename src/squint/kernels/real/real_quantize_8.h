// Real numbers as bytes.
#ifndef SQUINT_KERNELS_REAL_REAL_QUANTIZE_8_H_
#define SQUINT_KERNELS_REAL_REAL_QUANTIZE_8_H_

#include <stdint.h>

#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_steps.h"

static void squint_real_quantize_8(int32_t count, float scale, int32_t zero,
                                   const int8_t* x, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    y[i] = (int8_t)squint_steps(squint_get_real(x, i), scale, zero, INT8_MIN,
                                INT8_MAX);
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_QUANTIZE_8_H_
