// Convolutions of images [height][width][channels] with filters
// [filter][tap row][tap column][channel]: the taps of two output pixels are
// gathered as rows of `scratch`, zero points in place of the border, and
// multiplied by whatever the weights take (products.h, dot_nibbles.h). Without
// weight sharing between groups, each group takes its slice.
#ifndef SQUINT_KERNELS_FIXED_CONVOLVE_H_
#define SQUINT_KERNELS_FIXED_CONVOLVE_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/window.h"

/* Rows of taps by weights, `row_bytes` for each column. */
typedef struct squint_product {
  void (*one_row)(const int8_t* x, squint_columns columns,
                  squint_weights weights, int32_t zero_y, int8_t* y);
  void (*two_rows)(const int8_t* x, squint_columns columns,
                   squint_weights weights, int32_t zero_y, int8_t* y0,
                   int8_t* y1);
  int32_t row_bytes;
} squint_product;

/* Taps of group `group` for one output pixel. Taps of a row that lie within the
   image and side by side are copied at once. */
static inline void squint_gather(const squint_window* window, int32_t pixel,
                                 int32_t group, int32_t group_channels,
                                 const int8_t* x, int8_t* taps) {
  const squint_window w = *window;
  const int32_t top = pixel / w.out_w * w.stride_h - w.pad_top;
  const int32_t left = pixel % w.out_w * w.stride_w - w.pad_left;
  const int32_t row_size = w.taps_w * group_channels;
  const int32_t whole = group_channels == w.channels && w.step_w == 1 &&
                        left >= 0 && left + w.taps_w <= w.in_w;
  for (int32_t i = 0; i < w.taps_h; ++i) {
    const int32_t row = top + i * w.step_h;
    if (row < 0 || row >= w.in_h) {
      memset(taps, w.zero, (size_t)row_size);
    } else if (whole) {
      memcpy(taps, x + (row * w.in_w + left) * w.channels, (size_t)row_size);
    } else {
      int8_t* to = taps;
      for (int32_t j = 0; j < w.taps_w; ++j, to += group_channels) {
        const int32_t column = left + j * w.step_w;
        if (column < 0 || column >= w.in_w) {
          memset(to, w.zero, (size_t)group_channels);
        } else {
          memcpy(
              to,
              x + (row * w.in_w + column) * w.channels + group * group_channels,
              (size_t)group_channels);
        }
      }
    }
    taps += row_size;
  }
}

/* scratch: two rows of taps. */
static inline void squint_convolve(squint_product product,
                                   const squint_window* window, int32_t groups,
                                   const squint_columns* columns,
                                   const squint_weights* weights,
                                   int32_t zero_y, const int8_t* x, int8_t* y,
                                   int8_t* scratch) {
  const int32_t in_size = window->in_h * window->in_w * window->channels;
  const int32_t pixels = window->out_h * window->out_w;
  const int32_t group_channels = window->channels / groups;
  int8_t* const taps0 = scratch;
  int8_t* const taps1 = scratch + columns->depth;
  for (int32_t image = 0; image < window->images; ++image) {
    for (int32_t group = 0; group < groups; ++group) {
      const int32_t first = group * columns->count;
      squint_weights part;
      part.w = weights->w + first * product.row_bytes;
      part.bias = weights->bias + first;
      part.multiplier = weights->multiplier + first;
      part.shift = weights->shift + first;
      const int32_t width = groups * columns->count;
      for (int32_t pixel = 0; pixel < pixels; pixel += 2) {
        int8_t* const y0 = y + pixel * width + first;
        squint_gather(window, pixel, group, group_channels, x, taps0);
        if (pixel + 1 == pixels) {
          product.one_row(taps0, *columns, part, zero_y, y0);
          break;
        }
        squint_gather(window, pixel + 1, group, group_channels, x, taps1);
        product.two_rows(taps0, *columns, part, zero_y, y0, y0 + width);
      }
    }
    x += in_size;
    y += pixels * groups * columns->count;
  }
}

#endif  // SQUINT_KERNELS_FIXED_CONVOLVE_H_
