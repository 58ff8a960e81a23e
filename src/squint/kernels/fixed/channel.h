// What belongs to each channel of a product: weights, bias, factor.
#ifndef SQUINT_KERNELS_FIXED_CHANNEL_H_
#define SQUINT_KERNELS_FIXED_CHANNEL_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"

/* Result columns, and the terms that each one sums. */
typedef struct squint_columns {
  int32_t count;
  int32_t depth;
} squint_columns;

/* Weights and what belongs to each channel, in flash. */
typedef struct squint_weights {
  const int8_t* w; /* [count][depth] */
  const int32_t* bias;
  const int32_t* multiplier;
  const int8_t* shift;
} squint_weights;

/* Structs come by value: behind a pointer, the compiler would have to read them
   again after each byte that is stored. */
static inline int8_t squint_finish(int32_t sum, int32_t channel,
                                   squint_weights weights, int32_t zero_y) {
  return squint_requantize(sum, weights.multiplier[channel],
                           weights.shift[channel], zero_y);
}

#endif  // SQUINT_KERNELS_FIXED_CHANNEL_H_
