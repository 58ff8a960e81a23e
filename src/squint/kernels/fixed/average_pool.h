// Averages of windows of images [height][width][channels]:
//
//   y = requantize(sum over taps inside of (x - zero))
//
// with the factor that belongs to the number of taps it is divided by.
#ifndef SQUINT_KERNELS_FIXED_AVERAGE_POOL_H_
#define SQUINT_KERNELS_FIXED_AVERAGE_POOL_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/window.h"

/* multiplier[i], shift[i]: where factor[pixel] is i. */
static void squint_average_pool(const squint_window* window, int32_t zero_y,
                                const uint8_t* factor,
                                const int32_t* multiplier, const int8_t* shift,
                                const int8_t* x, int8_t* y) {
  const int32_t pixels = window->out_h * window->out_w;
  const int32_t in_size = window->in_h * window->in_w * window->channels;
  for (int32_t p = 0; p < window->images * pixels; ++p) {
    const int8_t* image = x + p / pixels * in_size;
    const int32_t pixel = p % pixels;
    const int32_t top =
        pixel / window->out_w * window->stride_h - window->pad_top;
    const int32_t left =
        pixel % window->out_w * window->stride_w - window->pad_left;
    for (int32_t c = 0; c < window->channels; ++c) {
      int32_t sum = 0;
      for (int32_t i = 0; i < window->taps_h; ++i) {
        const int32_t h = top + i * window->step_h;
        for (int32_t j = 0; j < window->taps_w; ++j) {
          const int32_t w = left + j * window->step_w;
          if (h < 0 || h >= window->in_h || w < 0 || w >= window->in_w)
            continue;
          sum += image[(h * window->in_w + w) * window->channels + c] -
                 window->zero;
        }
      }
      *y++ = squint_requantize(sum, multiplier[factor[pixel]],
                               shift[factor[pixel]], zero_y);
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_AVERAGE_POOL_H_
