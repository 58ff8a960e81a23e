// Data movement that no strides describe: y[i] = x[index[i]].
#ifndef SQUINT_KERNELS_FIXED_TAKE_H_
#define SQUINT_KERNELS_FIXED_TAKE_H_

#include <stdint.h>

static void squint_take(int32_t count, const int32_t* index, const int8_t* x,
                        int8_t* y) {
  for (int32_t i = 0; i < count; ++i) y[i] = x[index[i]];
}

#endif  // SQUINT_KERNELS_FIXED_TAKE_H_
