// Real numbers in memory at any address.
#ifndef SQUINT_KERNELS_REAL_REAL_GET_H_
#define SQUINT_KERNELS_REAL_REAL_GET_H_

#include <stdint.h>
#include <string.h>

static inline float squint_get_real(const int8_t* numbers, int32_t i) {
  float number;
  memcpy(&number, numbers + 4 * i, sizeof number);
  return number;
}

#endif  // SQUINT_KERNELS_REAL_REAL_GET_H_
