// One row by weights with a scale a channel, as a dense layer of CMSIS-NN.
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_DENSE_CHANNELS_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_DENSE_CHANNELS_H_

#include "arm_nnfunctions.h"
#include "squint/emit/cmsis_nn/cmsis_factors.h"
#include "squint/kernels/fixed/channel.h"

/* The zero point of x is in the bias: that is what CMSIS-NN on Helium wants as
   its context, sums of weights times the offset of x, plus the bias. It only
   reads them. */
static void squint_cmsis_dense_channels(const squint_columns* columns,
                                        int32_t zero_y, const int8_t* w,
                                        const int32_t* bias,
                                        const int32_t* multiplier,
                                        const int32_t* shift, const int8_t* x,
                                        int8_t* y) {
  const cmsis_nn_context context = {(void*)bias, 4 * columns->count};
  const cmsis_nn_fc_params params = {.input_offset = 0,
                                     .filter_offset = 0,
                                     .output_offset = zero_y,
                                     .activation = {INT8_MIN, INT8_MAX}};
  const cmsis_nn_per_channel_quant_params factors =
      squint_cmsis_factors(multiplier, shift);
  const cmsis_nn_dims seen = {.n = 1, .h = 1, .w = 1, .c = columns->depth};
  const cmsis_nn_dims made = {.n = 1, .h = 1, .w = 1, .c = columns->count};
  const cmsis_nn_dims filter = {
      .n = columns->depth, .h = 1, .w = 1, .c = columns->count};
  const cmsis_nn_dims biases = {.n = 1, .h = 1, .w = 1, .c = columns->count};
  (void)arm_fully_connected_per_channel_s8(&context, &params, &factors, &seen,
                                           x, &filter, w, &biases, bias, &made,
                                           y);
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_DENSE_CHANNELS_H_
