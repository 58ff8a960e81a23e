// Convolutions of images [height][width][channels] with filters
// [filter][tap row][tap column][channel]: the taps of two output pixels are
// gathered as rows (dot.h) of `scratch`, zero points in place of the border.
// Without weight sharing between groups, each group takes its slice.
#ifndef SQUINT_KERNELS_FIXED_CONV_H_
#define SQUINT_KERNELS_FIXED_CONV_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/dot.h"
#include "squint/kernels/fixed/window.h"

/* Taps of group `group` for one output pixel. */
static inline void squint_gather(const squint_window* window, int32_t pixel,
                                 int32_t group, int32_t group_channels,
                                 const int8_t* x, int8_t* taps) {
  const int32_t top =
      pixel / window->out_w * window->stride_h - window->pad_top;
  const int32_t left =
      pixel % window->out_w * window->stride_w - window->pad_left;
  for (int32_t i = 0; i < window->taps_h; ++i) {
    const int32_t h = top + i * window->step_h;
    for (int32_t j = 0; j < window->taps_w; ++j) {
      const int32_t w = left + j * window->step_w;
      if (h < 0 || h >= window->in_h || w < 0 || w >= window->in_w) {
        memset(taps, window->zero, (size_t)group_channels);
      } else {
        memcpy(taps,
               x + (h * window->in_w + w) * window->channels +
                   group * group_channels,
               (size_t)group_channels);
      }
      taps += group_channels;
    }
  }
}

/* scratch: two rows of taps, and two rows of a group's results. */
static void squint_conv(const squint_window* window, int32_t groups,
                        const squint_columns* columns,
                        const squint_weights* weights,
                        const squint_output* output, const int8_t* x, int8_t* y,
                        int8_t* scratch) {
  const int32_t in_size = window->in_h * window->in_w * window->channels;
  const int32_t pixels = window->out_h * window->out_w;
  const int32_t group_channels = window->channels / groups;
  int8_t* const taps0 = scratch;
  int8_t* const taps1 = scratch + columns->depth;
  for (int32_t image = 0; image < window->images; ++image) {
    for (int32_t group = 0; group < groups; ++group) {
      const int32_t first = group * columns->count;
      const int32_t c = columns->per_channel ? first : 0;
      squint_weights part;
      part.w = weights->w + first * columns->depth;
      part.bias = weights->bias + first;
      part.multiplier = weights->multiplier + c;
      part.shift = weights->shift + c;
      const int32_t width = groups * columns->count;
      for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
        int8_t* const y0 = y + pixel * width + first;
        squint_gather(window, pixel, group, group_channels, x, taps0);
        if (pixel + 1 == pixels) {
          squint_one_row(taps0, columns, &part, output, y0);
          break;
        }
        squint_gather(window, pixel + 1, group, group_channels, x, taps1);
        squint_two_rows(taps0, taps1, columns, &part, output, y0, y0 + width);
      }
    }
    x += in_size;
    y += pixels * groups * columns->count;
  }
}

#endif  // SQUINT_KERNELS_FIXED_CONV_H_
