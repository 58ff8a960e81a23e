// Real numbers to memory at any address.
#ifndef SQUINT_KERNELS_REAL_REAL_SET_H_
#define SQUINT_KERNELS_REAL_REAL_SET_H_

#include <stdint.h>
#include <string.h>

static inline void squint_set_real(int8_t* numbers, int32_t i, float value) {
  memcpy(numbers + 4 * i, &value, sizeof value);
}

#endif  // SQUINT_KERNELS_REAL_REAL_SET_H_
