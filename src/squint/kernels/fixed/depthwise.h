// Depthwise convolution of images [height][width][channels], one filter a
// channel, w [tap row][tap column][channel]:
//
//   y[p][c] = requantize(bias[c] + sum over taps of (x[tap][c] - zero) * w)
//
// Taps beyond the border are left out: they would add nothing.
#ifndef SQUINT_KERNELS_FIXED_DEPTHWISE_H_
#define SQUINT_KERNELS_FIXED_DEPTHWISE_H_

#include <stdint.h>

#include "squint/kernels/fixed/channel.h"
#include "squint/kernels/fixed/window.h"

/* Taps first .. end - 1 of a window at `start` lie within `size` pixels. */
static inline void squint_taps_inside(int32_t start, int32_t taps, int32_t step,
                                      int32_t size, int32_t* first,
                                      int32_t* end) {
  *first = start < 0 ? (step - 1 - start) / step : 0;
  *end = start >= size ? 0 : (size - start + step - 1) / step;
  if (*end > taps) *end = taps;
}

/* Four channels: sums of the taps inside, in registers. */
static inline void squint_depthwise_4(const squint_window* window,
                                      const int8_t* x, const int8_t* w,
                                      int32_t rows, int32_t columns,
                                      int32_t sums[4]) {
  const int32_t channels = window->channels;
  const int32_t zero = window->zero;
  int32_t s0 = sums[0], s1 = sums[1], s2 = sums[2], s3 = sums[3];
  for (int32_t i = 0; i < rows; ++i) {
    const int8_t* tap = x + i * window->step_h * window->in_w * channels;
    const int8_t* weight = w + i * window->taps_w * channels;
    for (int32_t j = 0; j < columns; ++j) {
      s0 += (tap[0] - zero) * weight[0];
      s1 += (tap[1] - zero) * weight[1];
      s2 += (tap[2] - zero) * weight[2];
      s3 += (tap[3] - zero) * weight[3];
      tap += window->step_w * channels;
      weight += channels;
    }
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
}

static inline int32_t squint_depthwise_1(const squint_window* window,
                                         const int8_t* x, const int8_t* w,
                                         int32_t rows, int32_t columns,
                                         int32_t sum) {
  for (int32_t i = 0; i < rows; ++i) {
    const int8_t* tap =
        x + i * window->step_h * window->in_w * window->channels;
    const int8_t* weight = w + i * window->taps_w * window->channels;
    for (int32_t j = 0; j < columns; ++j) {
      sum += (*tap - window->zero) * *weight;
      tap += window->step_w * window->channels;
      weight += window->channels;
    }
  }
  return sum;
}

static void squint_depthwise(const squint_window* window,
                             const squint_columns* columns,
                             const squint_weights* weights,
                             const squint_output* output, const int8_t* x,
                             int8_t* y) {
  const int32_t channels = window->channels;
  const int32_t in_size = window->in_h * window->in_w * channels;
  for (int32_t p = 0; p < window->images * window->out_h * window->out_w; ++p) {
    const int32_t pixel = p % (window->out_h * window->out_w);
    const int8_t* image = x + p / (window->out_h * window->out_w) * in_size;
    const int32_t top =
        pixel / window->out_w * window->stride_h - window->pad_top;
    const int32_t left =
        pixel % window->out_w * window->stride_w - window->pad_left;
    int32_t h0, h1, w0, w1;
    squint_taps_inside(top, window->taps_h, window->step_h, window->in_h, &h0,
                       &h1);
    squint_taps_inside(left, window->taps_w, window->step_w, window->in_w, &w0,
                       &w1);
    const int32_t offset = ((top + h0 * window->step_h) * window->in_w + left +
                            w0 * window->step_w) *
                           channels;
    const int32_t inside = h0 < h1 && w0 < w1;
    const int8_t* taps = image + (inside ? offset : 0);
    const int8_t* w =
        weights->w + (inside ? (h0 * window->taps_w + w0) * channels : 0);
    const int32_t rows = inside ? h1 - h0 : 0;
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4) {
      int32_t sums[4];
      for (int32_t i = 0; i < 4; ++i) sums[i] = weights->bias[c + i];
      squint_depthwise_4(window, taps + c, w + c, rows, w1 - w0, sums);
      for (int32_t i = 0; i < 4; ++i) {
        y[c + i] = squint_finish(sums[i], c + i, columns, weights, output);
      }
    }
    for (; c < channels; ++c) {
      const int32_t sum = squint_depthwise_1(window, taps + c, w + c, rows,
                                             w1 - w0, weights->bias[c]);
      y[c] = squint_finish(sum, c, columns, weights, output);
    }
    y += channels;
  }
}

#endif  // SQUINT_KERNELS_FIXED_DEPTHWISE_H_
