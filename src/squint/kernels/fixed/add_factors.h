// How two operands are brought to a common scale and their sum to that of the
// result.
#ifndef SQUINT_KERNELS_FIXED_ADD_FACTORS_H_
#define SQUINT_KERNELS_FIXED_ADD_FACTORS_H_

#include <stdint.h>

typedef struct squint_add_factors {
  int32_t a_multiplier;
  int32_t a_shift;
  int32_t b_multiplier;
  int32_t b_shift;
  int32_t b_sign; /* -1: a difference */
  int32_t sum_multiplier;
  int32_t sum_shift;
} squint_add_factors;

#endif  // SQUINT_KERNELS_FIXED_ADD_FACTORS_H_
