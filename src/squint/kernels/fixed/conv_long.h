// Convolutions of 16-bit numbers with sums of 64 bits: the taps of a pixel are
// gathered as a row and multiplied (gather_16.h, dot_long.h).
#ifndef SQUINT_KERNELS_FIXED_CONV_LONG_H_
#define SQUINT_KERNELS_FIXED_CONV_LONG_H_

#include <stdint.h>

#include "squint/kernels/fixed/dot_long.h"
#include "squint/kernels/fixed/gather_16.h"

/* scratch: a row of taps. */
static void squint_conv_long(const squint_window* window, int32_t groups,
                             const squint_columns* columns,
                             const squint_weights* weights, const int64_t* bias,
                             int32_t zero_y, const int8_t* x, int8_t* y,
                             int8_t* scratch) {
  const int32_t pixels = window->out_h * window->out_w;
  for (int32_t image = 0; image < window->images; ++image) {
    for (int32_t pixel = 0; pixel < pixels; ++pixel) {
      squint_weights part = *weights;
      for (int32_t group = 0; group < groups; ++group) {
        squint_gather_16(window, pixel, group, window->channels / groups, x,
                         scratch);
        squint_row_long(scratch, *columns, part, bias + group * columns->count,
                        zero_y, y);
        part.w += columns->count * columns->depth;
        part.multiplier += columns->count;
        part.shift += columns->count;
        y += 2 * columns->count;
      }
    }
    x += 2 * window->in_h * window->in_w * window->channels;
  }
}

#endif  // SQUINT_KERNELS_FIXED_CONV_LONG_H_
