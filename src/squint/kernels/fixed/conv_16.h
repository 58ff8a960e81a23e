// Convolutions of 16-bit numbers: taps of two pixels are gathered as rows and
// multiplied (convolve.h, products_16.h).
#ifndef SQUINT_KERNELS_FIXED_CONV_16_H_
#define SQUINT_KERNELS_FIXED_CONV_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/gather_16.h"
#include "squint/kernels/fixed/products_16.h"

/* scratch: two rows of taps. */
static void squint_conv_16(const squint_window* window, int32_t groups,
                           const squint_columns* columns,
                           const squint_weights* weights, int32_t zero_y,
                           const int8_t* x, int8_t* y, int8_t* scratch) {
  const int32_t pixels = window->out_h * window->out_w;
  const int32_t group_channels = window->channels / groups;
  const int32_t width = 2 * groups * columns->count; /* bytes of a pixel */
  int8_t* const taps1 = scratch + 2 * columns->depth;
  for (int32_t image = 0; image < window->images; ++image) {
    for (int32_t group = 0; group < groups; ++group) {
      const int32_t first = group * columns->count;
      squint_weights part;
      part.w = weights->w + first * columns->depth;
      part.bias = weights->bias + first;
      part.multiplier = weights->multiplier + first;
      part.shift = weights->shift + first;
      for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
        int8_t* const y0 = y + pixel * width + 2 * first;
        squint_gather_16(window, pixel, group, group_channels, x, scratch);
        if (pixel + 1 == pixels) {
          squint_one_row_16(scratch, *columns, part, zero_y, y0);
          break;
        }
        squint_gather_16(window, pixel + 1, group, group_channels, x, taps1);
        squint_two_rows_16(scratch, *columns, part, zero_y, y0, y0 + width);
      }
    }
    x += 2 * window->in_h * window->in_w * window->channels;
    y += pixels * width;
  }
}

#endif  // SQUINT_KERNELS_FIXED_CONV_16_H_
