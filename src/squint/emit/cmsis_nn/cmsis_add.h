// Sums, number by number, by CMSIS-NN.
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_ADD_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_ADD_H_

#include "arm_nnfunctions.h"
#include "squint/kernels/fixed/add_factors.h"

/* CMSIS-NN's shifts are to the left, of multipliers below 1. */
static void squint_cmsis_add(int32_t size, int32_t zero_a, int32_t zero_b,
                             const squint_add_factors* factors, int32_t zero_y,
                             const int8_t* a, const int8_t* b, int8_t* y) {
  const squint_add_factors f = *factors;
  (void)arm_elementwise_add_s8(a, b, -zero_a, f.a_multiplier, 31 - f.a_shift,
                               -zero_b, f.b_multiplier, 31 - f.b_shift, 20, y,
                               zero_y, f.sum_multiplier, 31 - f.sum_shift,
                               INT8_MIN, INT8_MAX, size);
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_ADD_H_
