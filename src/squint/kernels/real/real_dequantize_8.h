// What bytes stand for.
#ifndef SQUINT_KERNELS_REAL_REAL_DEQUANTIZE_8_H_
#define SQUINT_KERNELS_REAL_REAL_DEQUANTIZE_8_H_

#include <stdint.h>

#include "squint/kernels/real/real_set.h"

static void squint_real_dequantize_8(int32_t count, float scale, int32_t zero,
                                     const int8_t* x, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    squint_set_real(y, i, (float)(x[i] - zero) * scale);
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_DEQUANTIZE_8_H_
