// Sums: both operands are brought to a common scale, twice the larger of
// theirs, with 20 more bits, and added there:
//
//   s = scale((a - zero_a) * 2^20, a) +- scale((b - zero_b) * 2^20, b)
//   y = clamp(scale(s, sum) + zero)
#ifndef SQUINT_KERNELS_FIXED_ADD_H_
#define SQUINT_KERNELS_FIXED_ADD_H_

#include <stdint.h>

#include "squint/kernels/fixed/add_factors.h"
#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/pair.h"

static void squint_add(const squint_pair* pair,
                       const squint_add_factors* factors, int32_t zero_y,
                       const int8_t* a, const int8_t* b, int8_t* y) {
  for (int32_t i = 0; i < pair->size_0; ++i) {
    for (int32_t j = 0; j < pair->size_1; ++j) {
      for (int32_t k = 0; k < pair->size_2; ++k) {
        const int8_t* pa = a + i * pair->a_0 + j * pair->a_1 + k * pair->a_2;
        const int8_t* pb = b + i * pair->b_0 + j * pair->b_1 + k * pair->b_2;
        for (int32_t l = 0; l < pair->size_3; ++l) {
          const int32_t left =
              squint_scale((*pa - pair->zero_a) * (1 << 20),
                           factors->a_multiplier, factors->a_shift);
          const int32_t right =
              squint_scale((*pb - pair->zero_b) * (1 << 20),
                           factors->b_multiplier, factors->b_shift);
          *y++ = squint_requantize(left + factors->b_sign * right,
                                   factors->sum_multiplier, factors->sum_shift,
                                   zero_y);
          pa += pair->a_3;
          pb += pair->b_3;
        }
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_ADD_H_
