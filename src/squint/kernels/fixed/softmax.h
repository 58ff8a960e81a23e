// Softmax along the middle of [outer][count][inner]. exponential[d] is
// exp(-d * scale of x) in units that let `count` of them fit 32 bits, the
// largest for d = 0:
//
//   p = exponential[max - x] * 2^24 / sum, rounded; y = requantize(p)
#ifndef SQUINT_KERNELS_FIXED_SOFTMAX_H_
#define SQUINT_KERNELS_FIXED_SOFTMAX_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/lines.h"

static void squint_softmax(const squint_lines* lines, int32_t zero_y,
                           const uint32_t* exponential, const int8_t* x,
                           int8_t* y) {
  for (int32_t i = 0; i < lines->outer * lines->inner; ++i) {
    const int32_t start =
        i / lines->inner * lines->inner * lines->count + i % lines->inner;
    int8_t max = INT8_MIN;
    for (int32_t n = 0; n < lines->count; ++n) {
      const int8_t next = x[start + n * lines->inner];
      if (next > max) max = next;
    }
    uint32_t sum = 0;
    for (int32_t n = 0; n < lines->count; ++n) {
      sum += exponential[max - x[start + n * lines->inner]];
    }
    for (int32_t n = 0; n < lines->count; ++n) {
      const int32_t at = start + n * lines->inner;
      const uint64_t share =
          (((uint64_t)exponential[max - x[at]] << 24) + sum / 2) / sum;
      y[at] = squint_requantize((int32_t)share, lines->multiplier, lines->shift,
                                zero_y);
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_SOFTMAX_H_
