// Products of many rows with weights, as a 1x1 convolution of CMSIS-NN.
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_ROWS_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_ROWS_H_

#include "arm_nnfunctions.h"
#include "squint/emit/cmsis_nn/cmsis_factors.h"
#include "squint/kernels/fixed/channel.h"

/* The zero point of x is in the bias. It fails on arguments alone, which are
   constants that it takes. */
static void squint_cmsis_rows(int32_t rows, const squint_columns* columns,
                              int32_t zero_y, const int8_t* w,
                              const int32_t* bias, const int32_t* multiplier,
                              const int32_t* shift, const int8_t* x,
                              int8_t* y) {
  const cmsis_nn_context context = {NULL, 0};
  const cmsis_nn_conv_params params = {.input_offset = 0,
                                       .output_offset = zero_y,
                                       .stride = {1, 1},
                                       .padding = {0, 0},
                                       .dilation = {1, 1},
                                       .activation = {INT8_MIN, INT8_MAX}};
  const cmsis_nn_per_channel_quant_params factors =
      squint_cmsis_factors(multiplier, shift);
  const cmsis_nn_dims seen = {.n = 1, .h = 1, .w = rows, .c = columns->depth};
  const cmsis_nn_dims made = {.n = 1, .h = 1, .w = rows, .c = columns->count};
  const cmsis_nn_dims filter = {
      .n = columns->count, .h = 1, .w = 1, .c = columns->depth};
  const cmsis_nn_dims biases = {.n = 1, .h = 1, .w = 1, .c = columns->count};
  (void)arm_convolve_1x1_s8_fast(&context, &params, &factors, &seen, x, &filter,
                                 w, &biases, bias, &made, y);
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_ROWS_H_
