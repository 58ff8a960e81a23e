// Results of 8 bits of the channels of a product.
#ifndef SQUINT_KERNELS_FIXED_CHANNEL_H_
#define SQUINT_KERNELS_FIXED_CHANNEL_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/weights.h"

/* Structs come by value: behind a pointer, the compiler would have to read them
   again after each byte that is stored. */
static inline int8_t squint_finish(int32_t sum, int32_t channel,
                                   squint_weights weights, int32_t zero_y) {
  return squint_requantize(sum, weights.multiplier[channel],
                           weights.shift[channel], zero_y);
}

#endif  // SQUINT_KERNELS_FIXED_CHANNEL_H_
