// Two tensors of real numbers, number by number, with what is broadcast.
#ifndef SQUINT_KERNELS_REAL_REAL_PAIR_H_
#define SQUINT_KERNELS_REAL_REAL_PAIR_H_

#include <stdint.h>

#include "squint/kernels/fixed/pair.h"
#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_set.h"

/* operation: 0 a + b, 1 a - b, 2 a * b, 3 a / b, 4 the larger, 5 the smaller.
 */
static inline float squint_combine(int32_t operation, float a, float b) {
  switch (operation) {
    case 0:
      return a + b;
    case 1:
      return a - b;
    case 2:
      return a * b;
    case 3:
      return a / b;
    case 4:
      return a > b ? a : b;
    default:
      return a < b ? a : b;
  }
}

/* May run in place of an operand that has a number for each result. */
static void squint_real_pair(const squint_pair* pair, int32_t operation,
                             const int8_t* a, const int8_t* b, int8_t* y) {
  for (int32_t i = 0; i < pair->size_0; ++i) {
    for (int32_t j = 0; j < pair->size_1; ++j) {
      for (int32_t k = 0; k < pair->size_2; ++k) {
        int32_t at_a = i * pair->a_0 + j * pair->a_1 + k * pair->a_2;
        int32_t at_b = i * pair->b_0 + j * pair->b_1 + k * pair->b_2;
        for (int32_t l = 0; l < pair->size_3; ++l, y += 4) {
          squint_set_real(y, 0,
                          squint_combine(operation, squint_get_real(a, at_a),
                                         squint_get_real(b, at_b)));
          at_a += pair->a_3;
          at_b += pair->b_3;
        }
      }
    }
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_PAIR_H_
