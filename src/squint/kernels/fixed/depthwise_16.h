// Depthwise convolution (depthwise.h) of 16-bit numbers, whose sums are known
// to fit 32 bits.
#ifndef SQUINT_KERNELS_FIXED_DEPTHWISE_16_H_
#define SQUINT_KERNELS_FIXED_DEPTHWISE_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/four_16.h"
#include "squint/kernels/fixed/pixel.h"

/* Channels from x and w on, four of them. */
static inline squint_four squint_taps_16(squint_window window,
                                         squint_pixel pixel, const int8_t* x,
                                         const int8_t* w,
                                         const int8_t border[8],
                                         squint_four sums) {
  for (int32_t i = 0; i < window.taps_h; ++i) {
    for (int32_t j = 0; j < window.taps_w; ++j) {
      const int8_t* const tap =
          squint_tap(window, pixel, i, j, 2 * window.channels, x, border);
      sums = squint_four_add_16(sums, tap, w);
      w += window.channels;
    }
  }
  return sums;
}

/* The same where all taps lie inside. */
static inline squint_four squint_taps_inside_16(squint_window window,
                                                squint_pixel pixel,
                                                const int8_t* x,
                                                const int8_t* w,
                                                squint_four sums) {
  const int32_t step = 2 * window.step_w * window.channels;
  const int32_t next_row = 2 * window.step_h * window.in_w * window.channels;
  x += 2 * (pixel.top * window.in_w + pixel.left) * window.channels;
  for (int32_t i = 0; i < window.taps_h; ++i) {
    const int8_t* tap = x;
    for (int32_t j = 0; j < window.taps_w; ++j) {
      sums = squint_four_add_16(sums, tap, w);
      tap += step;
      w += window.channels;
    }
    x += next_row;
  }
  return sums;
}

static inline int32_t squint_taps_of_one_16(squint_window window,
                                            squint_pixel pixel, const int8_t* x,
                                            const int8_t* w,
                                            const int8_t border[8],
                                            int32_t sum) {
  for (int32_t i = 0; i < window.taps_h; ++i) {
    for (int32_t j = 0; j < window.taps_w; ++j) {
      const int8_t* const tap =
          squint_tap(window, pixel, i, j, 2 * window.channels, x, border);
      sum += squint_get16(tap, 0) * *w;
      w += window.channels;
    }
  }
  return sum;
}

static void squint_depthwise_pixel_16(squint_window window, squint_pixel pixel,
                                      squint_weights weights, int32_t zero_y,
                                      const int8_t* x, int8_t* y) {
  int8_t border[8];
  for (int32_t i = 0; i < 4; ++i) squint_set16(border, i, window.zero);
  const int32_t fours = window.channels / 4 * 4;
  for (int32_t c = 0; c < fours; c += 4) {
    const int8_t* const w = weights.w + c;
    squint_four sums = squint_four_load(weights.bias + c);
    sums = pixel.whole
               ? squint_taps_inside_16(window, pixel, x + 2 * c, w, sums)
               : squint_taps_16(window, pixel, x + 2 * c, w, border, sums);
    squint_four_finish_16(sums, c, weights, zero_y, y);
  }
  for (int32_t c = fours; c < window.channels; ++c) {
    const int32_t sum = squint_taps_of_one_16(
        window, pixel, x + 2 * c, weights.w + c, border, weights.bias[c]);
    squint_finish_16(sum, c, weights, zero_y, y);
  }
}

static void squint_depthwise_16(const squint_window* window,
                                const squint_weights* weights, int32_t zero_y,
                                const int8_t* x, int8_t* y) {
  const squint_window w = *window;
  for (int32_t image = 0; image < w.images; ++image) {
    for (int32_t i = 0; i < w.out_h; ++i) {
      for (int32_t j = 0; j < w.out_w; ++j) {
        squint_depthwise_pixel_16(w, squint_pixel_at(w, i, j), *weights, zero_y,
                                  x, y);
        y += 2 * w.channels;
      }
    }
    x += 2 * w.in_h * w.in_w * w.channels;
  }
}

#endif  // SQUINT_KERNELS_FIXED_DEPTHWISE_16_H_
