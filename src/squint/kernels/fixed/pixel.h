// The taps that a pixel of a depthwise convolution sees.
#ifndef SQUINT_KERNELS_FIXED_PIXEL_H_
#define SQUINT_KERNELS_FIXED_PIXEL_H_

#include <stdint.h>

#include "squint/kernels/fixed/window.h"

/* Where the taps of a pixel begin, and whether all of them lie inside. */
typedef struct squint_pixel {
  int32_t top;
  int32_t left;
  int32_t whole;
} squint_pixel;

static inline squint_pixel squint_pixel_at(squint_window w, int32_t row,
                                           int32_t column) {
  squint_pixel p;
  p.top = row * w.stride_h - w.pad_top;
  p.left = column * w.stride_w - w.pad_left;
  p.whole = p.top >= 0 && p.left >= 0 &&
            p.top + (w.taps_h - 1) * w.step_h < w.in_h &&
            p.left + (w.taps_w - 1) * w.step_w < w.in_w;
  return p;
}

/* The tap in row i, column j of a pixel, or `border`. size: the bytes of a
   pixel of x. */
static inline const int8_t* squint_tap(squint_window window, squint_pixel pixel,
                                       int32_t i, int32_t j, int32_t size,
                                       const int8_t* x, const int8_t* border) {
  const int32_t row = pixel.top + i * window.step_h;
  const int32_t column = pixel.left + j * window.step_w;
  const int32_t inside =
      row >= 0 && row < window.in_h && column >= 0 && column < window.in_w;
  return inside ? x + (row * window.in_w + column) * size : border;
}

#endif  // SQUINT_KERNELS_FIXED_PIXEL_H_
