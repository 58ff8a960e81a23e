// What integers of 16 bits stand for.
#ifndef SQUINT_KERNELS_REAL_REAL_DEQUANTIZE_16_H_
#define SQUINT_KERNELS_REAL_REAL_DEQUANTIZE_16_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/real/real_set.h"

static void squint_real_dequantize_16(int32_t count, float scale, int32_t zero,
                                      const int8_t* x, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    int16_t number;
    memcpy(&number, x + 2 * i, sizeof number);
    squint_set_real(y, i, (float)(number - zero) * scale);
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_DEQUANTIZE_16_H_
