// Softmax of real numbers along the middle of [outer][count][inner].
#ifndef SQUINT_KERNELS_REAL_REAL_SOFTMAX_H_
#define SQUINT_KERNELS_REAL_REAL_SOFTMAX_H_

#include <math.h>
#include <stdint.h>

#include "squint/kernels/fixed/lines.h"
#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_set.h"

/* May run in place where `inner` is 1. */
static void squint_real_softmax(const squint_lines* lines, const int8_t* x,
                                int8_t* y) {
  const int32_t inner = lines->inner;
  for (int32_t i = 0; i < lines->outer * inner; ++i) {
    const int32_t start = i / inner * inner * lines->count + i % inner;
    float max = squint_get_real(x, start);
    float sum = 0.0f;
    for (int32_t n = 1; n < lines->count; ++n) {
      const float next = squint_get_real(x, start + n * inner);
      if (next > max) max = next;
    }
    for (int32_t n = 0; n < lines->count; ++n) {
      const int32_t at = start + n * inner;
      const float share = expf(squint_get_real(x, at) - max);
      squint_set_real(y, at, share);
      sum += share;
    }
    for (int32_t n = 0; n < lines->count; ++n) {
      const int32_t at = start + n * inner;
      squint_set_real(y, at, squint_get_real(y, at) / sum);
    }
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_SOFTMAX_H_
