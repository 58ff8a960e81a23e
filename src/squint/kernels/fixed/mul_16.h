// Products of 16-bit numbers (mul.h), of 34 bits before they are scaled.
#ifndef SQUINT_KERNELS_FIXED_MUL_16_H_
#define SQUINT_KERNELS_FIXED_MUL_16_H_

#include <stdint.h>

#include "squint/kernels/fixed/long_scale.h"
#include "squint/kernels/fixed/pair.h"
#include "squint/kernels/fixed/sixteen.h"

static void squint_mul_16(const squint_pair* pair, int32_t multiplier,
                          int32_t shift, int32_t zero_y, const int8_t* a,
                          const int8_t* b, int8_t* y) {
  for (int32_t i = 0; i < pair->size_0; ++i) {
    for (int32_t j = 0; j < pair->size_1; ++j) {
      for (int32_t k = 0; k < pair->size_2; ++k) {
        int32_t at_a = i * pair->a_0 + j * pair->a_1 + k * pair->a_2;
        int32_t at_b = i * pair->b_0 + j * pair->b_1 + k * pair->b_2;
        for (int32_t l = 0; l < pair->size_3; ++l, y += 2) {
          const int64_t left = squint_get16(a, at_a) - pair->zero_a;
          const int64_t right = squint_get16(b, at_b) - pair->zero_b;
          squint_set16(
              y, 0,
              squint_long_scale(left * right, multiplier, shift) + zero_y);
          at_a += pair->a_3;
          at_b += pair->b_3;
        }
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_MUL_16_H_
