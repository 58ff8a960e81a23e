// Transposed convolution of images [channel][height][width] with filters
// [group][tap row][tap column][filter][channel]:
//
//   y[f][p] = requantize(bias[f] + sum over taps that reach pixel p
//                                  of (x[tap] - zero) * w[f][tap])
//
// Tap (i, j) of output pixel (r, c) is the input at ((r + pad - i * step) /
// stride, ...), where that is a whole number and inside. As which taps reach
// depends on the pixel, zero points are not in the bias: tap_bias[tap][f] is
// -zero * sum of w.
#ifndef SQUINT_KERNELS_FIXED_CONV_TRANSPOSE_H_
#define SQUINT_KERNELS_FIXED_CONV_TRANSPOSE_H_

#include <stdint.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/dot.h"
#include "squint/kernels/fixed/window.h"

/* The input row or column under a tap; -1 where there is none. */
static inline int32_t squint_under_tap(int32_t out, int32_t pad, int32_t offset,
                                       int32_t stride, int32_t size) {
  const int32_t at = out + pad - offset;
  return at >= 0 && at % stride == 0 && at / stride < size ? at / stride : -1;
}

/* Channels under each tap as a row; reached[tap]: whether there are any. x: the
   first channel of the group. */
static inline void squint_collect(squint_window w, int32_t pixel, int32_t depth,
                                  const int8_t* x, int8_t* reached,
                                  int8_t* rows) {
  const int32_t plane = w.in_h * w.in_w;
  for (int32_t i = 0; i < w.taps_h; ++i) {
    const int32_t row = squint_under_tap(pixel / w.out_w, w.pad_top,
                                         i * w.step_h, w.stride_h, w.in_h);
    for (int32_t j = 0; j < w.taps_w; ++j, ++reached, rows += depth) {
      const int32_t column = squint_under_tap(pixel % w.out_w, w.pad_left,
                                              j * w.step_w, w.stride_w, w.in_w);
      *reached = (int8_t)(row >= 0 && column >= 0);
      for (int32_t c = 0; *reached && c < depth; ++c) {
        rows[c] = x[c * plane + row * w.in_w + column];
      }
    }
  }
}

/* scratch: a byte and a row for each tap. */
static void squint_conv_transpose(const squint_window* window, int32_t groups,
                                  const squint_columns* columns,
                                  const squint_weights* weights,
                                  const int32_t* tap_bias, int32_t zero_y,
                                  const int8_t* x, int8_t* y, int8_t* scratch) {
  const squint_window w = *window;
  const int32_t taps = w.taps_h * w.taps_w;
  const int32_t plane = w.out_h * w.out_w;
  const int32_t depth = columns->depth;
  const int32_t count = columns->count;
  int8_t* const rows = scratch + taps;
  for (int32_t part = 0; part < w.images * groups; ++part) {
    const int32_t first = part % groups * count;
    for (int32_t pixel = 0; pixel < plane; ++pixel) {
      squint_collect(w, pixel, depth, x, scratch, rows);
      for (int32_t f = 0; f < count; f += 2) {
        const int32_t pair = f + 1 < count;
        int32_t sums[2];
        sums[0] = weights->bias[first + f];
        sums[1] = pair ? weights->bias[first + f + 1] : 0;
        for (int32_t tap = 0; tap < taps; ++tap) {
          const int32_t at = (part % groups * taps + tap) * count + f;
          if (!scratch[tap]) continue;
          sums[0] += tap_bias[at];
          if (pair) {
            sums[1] += tap_bias[at + 1];
            squint_dot_1x2(rows + tap * depth, weights->w + at * depth, depth,
                           sums);
          } else {
            sums[0] = squint_dot(rows + tap * depth, weights->w + at * depth,
                                 depth, sums[0]);
          }
        }
        for (int32_t i = 0; i <= pair; ++i) {
          y[(f + i) * plane + pixel] =
              squint_finish(sums[i], first + f + i, *weights, zero_y);
        }
      }
    }
    x += depth * w.in_h * w.in_w;
    y += count * plane;
  }
}

#endif  // SQUINT_KERNELS_FIXED_CONV_TRANSPOSE_H_
