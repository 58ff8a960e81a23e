// Convolutions of real images [channel][height][width] with filters [filter]
// [channel of the group][tap row][tap column].
#ifndef SQUINT_KERNELS_REAL_REAL_CONV_H_
#define SQUINT_KERNELS_REAL_REAL_CONV_H_

#include <stdint.h>

#include "squint/kernels/fixed/window.h"
#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_set.h"

/* Taps of one channel under output pixel `pixel`; taps beyond the border are 0.
 */
static inline float squint_real_taps(const squint_window* window, int32_t pixel,
                                     const int8_t* x, const int8_t* weight) {
  const squint_window w = *window;
  const int32_t top = pixel / w.out_w * w.stride_h - w.pad_top;
  const int32_t left = pixel % w.out_w * w.stride_w - w.pad_left;
  float sum = 0.0f;
  for (int32_t i = 0; i < w.taps_h; ++i) {
    const int32_t row = top + i * w.step_h;
    for (int32_t j = 0; j < w.taps_w; ++j) {
      const int32_t column = left + j * w.step_w;
      if (row < 0 || row >= w.in_h || column < 0 || column >= w.in_w) continue;
      sum += squint_get_real(x, row * w.in_w + column) *
             squint_get_real(weight, i * w.taps_w + j);
    }
  }
  return sum;
}

/* window->channels: of x; filters: in all; bias: NULL where there is none. */
static void squint_real_conv(const squint_window* window, int32_t groups,
                             int32_t filters, const int8_t* weight,
                             const int8_t* bias, const int8_t* x, int8_t* y) {
  const int32_t depth = window->channels / groups;
  const int32_t plane = window->in_h * window->in_w;
  const int32_t taps = window->taps_h * window->taps_w;
  for (int32_t image = 0; image < window->images; ++image) {
    for (int32_t f = 0; f < filters; ++f) {
      const int32_t first = f / (filters / groups) * depth;
      for (int32_t p = 0; p < window->out_h * window->out_w; ++p, y += 4) {
        float sum = bias == NULL ? 0.0f : squint_get_real(bias, f);
        for (int32_t c = 0; c < depth; ++c) {
          sum += squint_real_taps(window, p, x + 4 * (first + c) * plane,
                                  weight + 4 * (f * depth + c) * taps);
        }
        squint_set_real(y, 0, sum);
      }
    }
    x += 4 * window->channels * plane;
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_CONV_H_
