// Results of 16 bits of the channels of a product.
#ifndef SQUINT_KERNELS_FIXED_CHANNEL_16_H_
#define SQUINT_KERNELS_FIXED_CHANNEL_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/scale.h"
#include "squint/kernels/fixed/sixteen.h"
#include "squint/kernels/fixed/weights.h"

/* Number `channel` of y. */
static inline void squint_finish_16(int32_t sum, int32_t channel,
                                    squint_weights weights, int32_t zero_y,
                                    int8_t* y) {
  squint_set16(
      y, channel,
      squint_scale(sum, weights.multiplier[channel], weights.shift[channel]) +
          zero_y);
}

#endif  // SQUINT_KERNELS_FIXED_CHANNEL_16_H_
