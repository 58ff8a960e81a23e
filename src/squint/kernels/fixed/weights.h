// What belongs to each channel of a product: weights, bias, factor.
#ifndef SQUINT_KERNELS_FIXED_WEIGHTS_H_
#define SQUINT_KERNELS_FIXED_WEIGHTS_H_

#include <stdint.h>

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

#endif  // SQUINT_KERNELS_FIXED_WEIGHTS_H_
