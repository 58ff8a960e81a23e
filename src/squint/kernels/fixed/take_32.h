// Data movement of 32-bit numbers that no strides describe: y[i] = x[index[i]].
#ifndef SQUINT_KERNELS_FIXED_TAKE_32_H_
#define SQUINT_KERNELS_FIXED_TAKE_32_H_

#include <stdint.h>
#include <string.h>

static void squint_take_32(int32_t count, const int32_t* index, const int8_t* x,
                           int8_t* y) {
  for (int32_t i = 0; i < count; ++i) memcpy(y + 4 * i, x + 4 * index[i], 4);
}

#endif  // SQUINT_KERNELS_FIXED_TAKE_32_H_
