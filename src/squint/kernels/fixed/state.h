// States of recurrent layers: numbers of 16 bits.
#ifndef SQUINT_KERNELS_FIXED_STATE_H_
#define SQUINT_KERNELS_FIXED_STATE_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/sixteen.h"

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
