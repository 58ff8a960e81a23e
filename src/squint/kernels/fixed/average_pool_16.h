// Averages of windows of images of 16-bit numbers (average_pool.h).
#ifndef SQUINT_KERNELS_FIXED_AVERAGE_POOL_16_H_
#define SQUINT_KERNELS_FIXED_AVERAGE_POOL_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/scale.h"
#include "squint/kernels/fixed/sixteen.h"
#include "squint/kernels/fixed/window.h"

/* multiplier[i], shift[i]: where factor[pixel] is i. */
static void squint_average_pool_16(const squint_window* window, int32_t zero_y,
                                   const uint8_t* factor,
                                   const int32_t* multiplier,
                                   const int8_t* shift, const int8_t* x,
                                   int8_t* y) {
  const squint_window w = *window;
  const int32_t pixels = w.out_h * w.out_w;
  for (int32_t p = 0; p < w.images * pixels; ++p) {
    const int8_t* image = x + 2 * (p / pixels) * w.in_h * w.in_w * w.channels;
    const int32_t pixel = p % pixels;
    const int32_t top = pixel / w.out_w * w.stride_h - w.pad_top;
    const int32_t left = pixel % w.out_w * w.stride_w - w.pad_left;
    for (int32_t c = 0; c < w.channels; ++c, y += 2) {
      int32_t sum = 0;
      for (int32_t i = 0; i < w.taps_h; ++i) {
        const int32_t row = top + i * w.step_h;
        for (int32_t j = 0; j < w.taps_w; ++j) {
          const int32_t column = left + j * w.step_w;
          if (row < 0 || row >= w.in_h || column < 0 || column >= w.in_w)
            continue;
          sum += squint_get16(image, (row * w.in_w + column) * w.channels + c) -
                 w.zero;
        }
      }
      squint_set16(
          y, 0,
          squint_scale(sum, multiplier[factor[pixel]], shift[factor[pixel]]) +
              zero_y);
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_AVERAGE_POOL_16_H_
