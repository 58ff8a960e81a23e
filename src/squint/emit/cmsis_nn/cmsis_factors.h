// Factors of the result's channels, in CMSIS-NN's terms.
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_FACTORS_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_FACTORS_H_

#include "arm_nnfunctions.h"

/* CMSIS-NN only reads them, through pointers that could write. */
static inline cmsis_nn_per_channel_quant_params squint_cmsis_factors(
    const int32_t* multiplier, const int32_t* shift) {
  cmsis_nn_per_channel_quant_params factors;
  factors.multiplier = (int32_t*)multiplier;
  factors.shift = (int32_t*)shift;
  return factors;
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_FACTORS_H_
