// Products, number by number, by CMSIS-NN.
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_MUL_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_MUL_H_

#include "arm_nnfunctions.h"

static void squint_cmsis_mul(int32_t size, int32_t zero_a, int32_t zero_b,
                             int32_t multiplier, int32_t shift, int32_t zero_y,
                             const int8_t* a, const int8_t* b, int8_t* y) {
  (void)arm_elementwise_mul_s8(a, b, -zero_a, -zero_b, y, zero_y, multiplier,
                               shift, INT8_MIN, INT8_MAX, size);
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_MUL_H_
