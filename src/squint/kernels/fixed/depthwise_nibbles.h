// Depthwise convolution with weights of 4 bits: its few weights are unpacked
// before, as one row (nibbles.h).
#ifndef SQUINT_KERNELS_FIXED_DEPTHWISE_NIBBLES_H_
#define SQUINT_KERNELS_FIXED_DEPTHWISE_NIBBLES_H_

#include <stdint.h>

#include "squint/kernels/fixed/depthwise.h"
#include "squint/kernels/fixed/nibbles.h"

/* scratch: the weights, a byte each. */
static void squint_depthwise_nibbles(const squint_window* window,
                                     const squint_weights* weights,
                                     int32_t zero_y, const int8_t* x, int8_t* y,
                                     int8_t* scratch) {
  squint_weights wide = *weights;
  const int32_t count = window->taps_h * window->taps_w * window->channels;
  for (int32_t k = 0; k < count; ++k) {
    scratch[k] = (int8_t)(squint_nibble(weights->w, k) / 16);
  }
  wide.w = scratch;
  squint_depthwise(window, &wide, zero_y, x, y);
}

#endif  // SQUINT_KERNELS_FIXED_DEPTHWISE_NIBBLES_H_
