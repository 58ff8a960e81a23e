// Depthwise convolution of images [height][width][channels], one filter a
// channel, w [tap row][tap column][channel]:
//
//   y[p][c] = requantize(bias[c] + sum over taps of x[tap][c] * w[tap][c])
//
// Zero points of x are in the bias (products.h); beyond the border x is the
// zero point.
#ifndef SQUINT_KERNELS_FIXED_DEPTHWISE_H_
#define SQUINT_KERNELS_FIXED_DEPTHWISE_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/four.h"
#include "squint/kernels/fixed/pixel.h"
#include "squint/kernels/fixed/window.h"

/* Channels from x and w on, four of them, of a pixel inside the image. */
static inline squint_four squint_taps_inside(squint_window window,
                                             squint_pixel pixel,
                                             const int8_t* x, const int8_t* w,
                                             squint_four sums) {
  const int32_t step = window.step_w * window.channels;
  const int32_t next_row = window.step_h * window.in_w * window.channels;
  x += (pixel.top * window.in_w + pixel.left) * window.channels;
  for (int32_t i = 0; i < window.taps_h; ++i) {
    const int8_t* tap = x;
    for (int32_t j = 0; j < window.taps_w; ++j) {
      sums = squint_four_add(sums, tap, w);
      tap += step;
      w += window.channels;
    }
    x += next_row;
  }
  return sums;
}

static inline squint_four squint_taps_at_border(
    squint_window window, squint_pixel pixel, const int8_t* x, const int8_t* w,
    const int8_t border[4], squint_four sums) {
  for (int32_t i = 0; i < window.taps_h; ++i) {
    for (int32_t j = 0; j < window.taps_w; ++j) {
      const int8_t* const tap =
          squint_tap(window, pixel, i, j, window.channels, x, border);
      sums = squint_four_add(sums, tap, w);
      w += window.channels;
    }
  }
  return sums;
}

static inline int32_t squint_taps_of_one(squint_window window,
                                         squint_pixel pixel, const int8_t* x,
                                         const int8_t* w,
                                         const int8_t border[4], int32_t sum) {
  for (int32_t i = 0; i < window.taps_h; ++i) {
    for (int32_t j = 0; j < window.taps_w; ++j) {
      sum += *squint_tap(window, pixel, i, j, window.channels, x, border) * *w;
      w += window.channels;
    }
  }
  return sum;
}

static void squint_depthwise_pixel(squint_window window, squint_pixel pixel,
                                   squint_weights weights, int32_t zero_y,
                                   const int8_t* x, int8_t* y) {
  int8_t border[4];
  memset(border, window.zero, sizeof border);
  const int32_t fours = window.channels / 4 * 4;
  for (int32_t c = 0; c < fours; c += 4) {
    const int8_t* w = weights.w + c;
    squint_four sums = squint_four_load(weights.bias + c);
    sums = pixel.whole
               ? squint_taps_inside(window, pixel, x + c, w, sums)
               : squint_taps_at_border(window, pixel, x + c, w, border, sums);
    squint_four_finish(sums, c, weights, zero_y, y + c);
  }
  for (int32_t c = fours; c < window.channels; ++c) {
    const int32_t sum = squint_taps_of_one(window, pixel, x + c, weights.w + c,
                                           border, weights.bias[c]);
    y[c] = squint_finish(sum, c, weights, zero_y);
  }
}

static void squint_depthwise(const squint_window* window,
                             const squint_weights* weights, int32_t zero_y,
                             const int8_t* x, int8_t* y) {
  const squint_window w = *window;
  for (int32_t image = 0; image < w.images; ++image) {
    for (int32_t i = 0; i < w.out_h; ++i) {
      for (int32_t j = 0; j < w.out_w; ++j) {
        squint_depthwise_pixel(w, squint_pixel_at(w, i, j), *weights, zero_y, x,
                               y);
        y += w.channels;
      }
    }
    x += w.in_h * w.in_w * w.channels;
  }
}

#endif  // SQUINT_KERNELS_FIXED_DEPTHWISE_H_
