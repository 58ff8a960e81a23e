// Depthwise convolutions by CMSIS-NN: w [tap row][tap column][channel].
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_DEPTHWISE_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_DEPTHWISE_H_

#include "arm_nnfunctions.h"
#include "squint/emit/cmsis_nn/cmsis_factors.h"
#include "squint/emit/cmsis_nn/cmsis_image.h"

/* It fails on arguments alone, which are constants that it takes. */
static void squint_cmsis_depthwise(const squint_window* window, int32_t zero_y,
                                   const int8_t* w, const int32_t* bias,
                                   const int32_t* multiplier,
                                   const int32_t* shift, const int8_t* x,
                                   int8_t* y, int8_t* scratch,
                                   int32_t scratch_size) {
  const cmsis_nn_context context = {scratch, scratch_size};
  const cmsis_nn_dw_conv_params params = {
      .input_offset = -window->zero,
      .output_offset = zero_y,
      .ch_mult = 1,
      .stride = {window->stride_w, window->stride_h},
      .padding = {window->pad_left, window->pad_top},
      .dilation = {window->step_w, window->step_h},
      .activation = {INT8_MIN, INT8_MAX}};
  const cmsis_nn_per_channel_quant_params factors =
      squint_cmsis_factors(multiplier, shift);
  const cmsis_nn_dims seen = squint_cmsis_seen(window);
  const cmsis_nn_dims made = squint_cmsis_made(window, window->channels);
  const cmsis_nn_dims filter = {
      .n = 1, .h = window->taps_h, .w = window->taps_w, .c = window->channels};
  const cmsis_nn_dims biases = {.n = 1, .h = 1, .w = 1, .c = window->channels};
  (void)arm_depthwise_conv_wrapper_s8(&context, &params, &factors, &seen, x,
                                      &filter, w, &biases, bias, &made, y);
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_DEPTHWISE_H_
