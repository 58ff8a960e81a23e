// Softmax of 16-bit numbers (softmax.h). The exponential of a difference is the
// product of two, of its upper and its lower byte:
//
//   exp(-d * scale) = coarse[d / 256] * fine[d % 256] / 2^31
//
// coarse in units that let `count` of them fit 32 bits.
#ifndef SQUINT_KERNELS_FIXED_SOFTMAX_16_H_
#define SQUINT_KERNELS_FIXED_SOFTMAX_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/lines.h"
#include "squint/kernels/fixed/scale.h"
#include "squint/kernels/fixed/sixteen.h"

/* 0 <= d < 2^16. */
static inline uint32_t squint_exponential(const uint32_t* coarse,
                                          const uint32_t* fine, int32_t d) {
  return (uint32_t)(((uint64_t)coarse[d >> 8] * fine[d & 255]) >> 31);
}

static void squint_softmax_16(const squint_lines* lines, int32_t zero_y,
                              const uint32_t* coarse, const uint32_t* fine,
                              const int8_t* x, int8_t* y) {
  const int32_t inner = lines->inner;
  for (int32_t i = 0; i < lines->outer * inner; ++i) {
    const int32_t start = i / inner * inner * lines->count + i % inner;
    int32_t max = INT16_MIN;
    for (int32_t n = 0; n < lines->count; ++n) {
      const int32_t next = squint_get16(x, start + n * inner);
      if (next > max) max = next;
    }
    uint32_t sum = 0;
    for (int32_t n = 0; n < lines->count; ++n) {
      sum += squint_exponential(coarse, fine,
                                max - squint_get16(x, start + n * inner));
    }
    for (int32_t n = 0; n < lines->count; ++n) {
      const int32_t at = start + n * inner;
      const uint64_t one =
          squint_exponential(coarse, fine, max - squint_get16(x, at));
      const uint64_t share = ((one << 24) + sum / 2) / sum;
      squint_set16(
          y, at,
          squint_scale((int32_t)share, lines->multiplier, lines->shift) +
              zero_y);
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_SOFTMAX_16_H_
