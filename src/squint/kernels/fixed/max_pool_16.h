// Largest numbers of windows of images of 16-bit numbers (max_pool.h).
#ifndef SQUINT_KERNELS_FIXED_MAX_POOL_16_H_
#define SQUINT_KERNELS_FIXED_MAX_POOL_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/sixteen.h"
#include "squint/kernels/fixed/window.h"

static void squint_max_pool_16(const squint_window* window, const int8_t* x,
                               int8_t* y) {
  const squint_window w = *window;
  const int32_t pixels = w.out_h * w.out_w;
  for (int32_t p = 0; p < w.images * pixels; ++p) {
    const int8_t* image = x + 2 * (p / pixels) * w.in_h * w.in_w * w.channels;
    const int32_t pixel = p % pixels;
    const int32_t top = pixel / w.out_w * w.stride_h - w.pad_top;
    const int32_t left = pixel % w.out_w * w.stride_w - w.pad_left;
    for (int32_t c = 0; c < w.channels; ++c, y += 2) {
      int32_t largest = INT16_MIN;
      for (int32_t i = 0; i < w.taps_h; ++i) {
        const int32_t row = top + i * w.step_h;
        for (int32_t j = 0; j < w.taps_w; ++j) {
          const int32_t column = left + j * w.step_w;
          if (row < 0 || row >= w.in_h || column < 0 || column >= w.in_w)
            continue;
          const int32_t tap =
              squint_get16(image, (row * w.in_w + column) * w.channels + c);
          if (tap > largest) largest = tap;
        }
      }
      squint_set16(y, 0, largest);
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_MAX_POOL_16_H_
