// Taps of convolutions of 16-bit numbers.
#ifndef SQUINT_KERNELS_FIXED_GATHER_16_H_
#define SQUINT_KERNELS_FIXED_GATHER_16_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/sixteen.h"
#include "squint/kernels/fixed/window.h"

/* Taps of group `group` for output pixel `pixel`, [tap row][tap column]
   [channel]; zero points in place of the border. */
static inline void squint_gather_16(const squint_window* window, int32_t pixel,
                                    int32_t group, int32_t group_channels,
                                    const int8_t* x, int8_t* taps) {
  const squint_window w = *window;
  const int32_t top = pixel / w.out_w * w.stride_h - w.pad_top;
  const int32_t left = pixel % w.out_w * w.stride_w - w.pad_left;
  const int32_t bytes = 2 * group_channels;
  x += group * bytes;
  for (int32_t i = 0; i < w.taps_h; ++i) {
    const int32_t row = top + i * w.step_h;
    for (int32_t j = 0; j < w.taps_w; ++j, taps += bytes) {
      const int32_t column = left + j * w.step_w;
      if (row >= 0 && row < w.in_h && column >= 0 && column < w.in_w) {
        memcpy(taps, x + (row * w.in_w + column) * 2 * w.channels,
               (size_t)bytes);
      } else {
        for (int32_t c = 0; c < group_channels; ++c) {
          squint_set16(taps, c, w.zero);
        }
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_GATHER_16_H_
