// Numbers of 16 bits, two bytes of memory each at any address.
#ifndef SQUINT_KERNELS_FIXED_SIXTEEN_H_
#define SQUINT_KERNELS_FIXED_SIXTEEN_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/clamp.h"

static inline int32_t squint_get16(const int8_t* numbers, int32_t i) {
  int16_t number;
  memcpy(&number, numbers + 2 * i, sizeof number);
  return number;
}

/* The nearest number that 16 bits have. */
static inline void squint_set16(int8_t* numbers, int32_t i, int32_t value) {
  const int16_t number = (int16_t)squint_clamp(value, INT16_MIN, INT16_MAX);
  memcpy(numbers + 2 * i, &number, sizeof number);
}

#endif  // SQUINT_KERNELS_FIXED_SIXTEEN_H_
