// Sums of 16-bit numbers (add.h), with `up` more bits on the common scale: 15
// where no zero point takes one of them, else 14.
#ifndef SQUINT_KERNELS_FIXED_ADD_16_H_
#define SQUINT_KERNELS_FIXED_ADD_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/add_factors.h"
#include "squint/kernels/fixed/pair.h"
#include "squint/kernels/fixed/scale.h"
#include "squint/kernels/fixed/sixteen.h"

static inline int32_t squint_sum_16(const squint_pair* pair,
                                    const squint_add_factors* f, int32_t up,
                                    int32_t a, int32_t b) {
  const int32_t left =
      squint_scale((a - pair->zero_a) * (1 << up), f->a_multiplier, f->a_shift);
  const int32_t right =
      squint_scale((b - pair->zero_b) * (1 << up), f->b_multiplier, f->b_shift);
  return squint_scale(left + f->b_sign * right, f->sum_multiplier,
                      f->sum_shift);
}

static void squint_add_16(const squint_pair* pair,
                          const squint_add_factors* factors, int32_t up,
                          int32_t zero_y, const int8_t* a, const int8_t* b,
                          int8_t* y) {
  for (int32_t i = 0; i < pair->size_0; ++i) {
    for (int32_t j = 0; j < pair->size_1; ++j) {
      for (int32_t k = 0; k < pair->size_2; ++k) {
        int32_t at_a = i * pair->a_0 + j * pair->a_1 + k * pair->a_2;
        int32_t at_b = i * pair->b_0 + j * pair->b_1 + k * pair->b_2;
        for (int32_t l = 0; l < pair->size_3; ++l, y += 2) {
          squint_set16(y, 0,
                       squint_sum_16(pair, factors, up, squint_get16(a, at_a),
                                     squint_get16(b, at_b)) +
                           zero_y);
          at_a += pair->a_3;
          at_b += pair->b_3;
        }
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_ADD_16_H_
