// States of recurrent layers: numbers of 16 bits, two bytes of memory each at
// any address.
#ifndef SQUINT_KERNELS_FIXED_STATE_H_
#define SQUINT_KERNELS_FIXED_STATE_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/fixed_point.h"

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

/* As 8 bits on another grid. */
static void squint_round_states(int32_t count, int32_t multiplier,
                                int32_t shift, int32_t zero_y,
                                const int8_t* states, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    y[i] =
        squint_requantize(squint_get16(states, i), multiplier, shift, zero_y);
  }
}

#endif  // SQUINT_KERNELS_FIXED_STATE_H_
