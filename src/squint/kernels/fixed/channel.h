// What belongs to each channel of a product: weights, bias, factor.
#ifndef SQUINT_KERNELS_FIXED_CHANNEL_H_
#define SQUINT_KERNELS_FIXED_CHANNEL_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"

/* Constants of each result column; one multiplier for all, or one each. */
typedef struct squint_columns {
  int32_t count;
  int32_t depth; /* terms of a sum */
  int32_t per_channel;
} squint_columns;

/* Weights and what belongs to them, in flash. */
typedef struct squint_weights {
  const int8_t* w; /* [count][depth] */
  const int32_t* bias;
  const int32_t* multiplier;
  const int8_t* shift;
} squint_weights;

static inline int8_t squint_finish(int32_t sum, int32_t n,
                                   const squint_columns* columns,
                                   const squint_weights* weights,
                                   const squint_output* output) {
  const int32_t c = columns->per_channel ? n : 0;
  return squint_requantize(sum, weights->multiplier[c], weights->shift[c],
                           output);
}

#endif  // SQUINT_KERNELS_FIXED_CHANNEL_H_
