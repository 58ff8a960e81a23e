// Sums of products that may pass 32 bits: numbers of 16 bits by weights of 8,
// summed in 64.
#ifndef SQUINT_KERNELS_FIXED_DOT_LONG_H_
#define SQUINT_KERNELS_FIXED_DOT_LONG_H_

#include <stdint.h>

#include "squint/kernels/fixed/long_scale.h"
#include "squint/kernels/fixed/sixteen.h"
#include "squint/kernels/fixed/weights.h"

#if defined(__ARM_FEATURE_MVE)
#include <arm_mve.h>

/* 8 products at a time, the last ones masked. */
static inline int64_t squint_dot_long(const int8_t* x, const int8_t* w,
                                      int32_t depth, int64_t sum) {
  for (int32_t k = 0; k < depth; k += 8) {
    const mve_pred16_t rest = vctp16q((uint32_t)(depth - k));
    const int16x8_t a = vldrhq_z_s16((const int16_t*)x + k, rest);
    sum = vmlaldavaq_p_s16(sum, a, vldrbq_z_s16(w + k, rest), rest);
  }
  return sum;
}

#else

static inline int64_t squint_dot_long(const int8_t* x, const int8_t* w,
                                      int32_t depth, int64_t sum) {
  for (int32_t k = 0; k < depth; ++k) sum += squint_get16(x, k) * w[k];
  return sum;
}

#endif

/* One row by all columns; bias: of 64 bits, in place of the weights' own. */
static inline void squint_row_long(const int8_t* x, squint_columns columns,
                                   squint_weights weights, const int64_t* bias,
                                   int32_t zero_y, int8_t* y) {
  for (int32_t n = 0; n < columns.count; ++n) {
    const int64_t sum = squint_dot_long(x, weights.w + n * columns.depth,
                                        columns.depth, bias[n]);
    squint_set16(
        y, n,
        squint_long_scale(sum, weights.multiplier[n], weights.shift[n]) +
            zero_y);
  }
}

#endif  // SQUINT_KERNELS_FIXED_DOT_LONG_H_
