// Products: y = requantize((a - zero_a) * (b - zero_b)).
#ifndef SQUINT_KERNELS_FIXED_MUL_H_
#define SQUINT_KERNELS_FIXED_MUL_H_

#include <stdint.h>

#include "squint/kernels/fixed/fixed_point.h"
#include "squint/kernels/fixed/pair.h"

static void squint_mul(const squint_pair* pair, int32_t multiplier,
                       int32_t shift, int32_t zero_y, const int8_t* a,
                       const int8_t* b, int8_t* y) {
  for (int32_t i = 0; i < pair->size_0; ++i) {
    for (int32_t j = 0; j < pair->size_1; ++j) {
      for (int32_t k = 0; k < pair->size_2; ++k) {
        const int8_t* pa = a + i * pair->a_0 + j * pair->a_1 + k * pair->a_2;
        const int8_t* pb = b + i * pair->b_0 + j * pair->b_1 + k * pair->b_2;
        for (int32_t l = 0; l < pair->size_3; ++l) {
          *y++ = squint_requantize((*pa - pair->zero_a) * (*pb - pair->zero_b),
                                   multiplier, shift, zero_y);
          pa += pair->a_3;
          pb += pair->b_3;
        }
      }
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_MUL_H_
