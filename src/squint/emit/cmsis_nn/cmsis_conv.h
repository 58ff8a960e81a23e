// Convolutions by CMSIS-NN: filters [filter][tap row][tap column][channel].
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_CONV_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_CONV_H_

#include "arm_nnfunctions.h"
#include "squint/emit/cmsis_nn/cmsis_factors.h"
#include "squint/emit/cmsis_nn/cmsis_image.h"

/* It fails on arguments alone, which are constants that it takes. */
static void squint_cmsis_conv(const squint_window* window, int32_t groups,
                              int32_t filters, int32_t zero_y, const int8_t* w,
                              const int32_t* bias, const int32_t* multiplier,
                              const int32_t* shift, const int8_t* x, int8_t* y,
                              int8_t* scratch, int32_t scratch_size) {
  const cmsis_nn_context context = {scratch, scratch_size};
  const cmsis_nn_conv_params params = {
      .input_offset = -window->zero,
      .output_offset = zero_y,
      .stride = {window->stride_w, window->stride_h},
      .padding = {window->pad_left, window->pad_top},
      .dilation = {window->step_w, window->step_h},
      .activation = {INT8_MIN, INT8_MAX}};
  const cmsis_nn_per_channel_quant_params factors =
      squint_cmsis_factors(multiplier, shift);
  const cmsis_nn_dims seen = squint_cmsis_seen(window);
  const cmsis_nn_dims made = squint_cmsis_made(window, filters);
  const cmsis_nn_dims filter = {.n = filters,
                                .h = window->taps_h,
                                .w = window->taps_w,
                                .c = window->channels / groups};
  const cmsis_nn_dims biases = {.n = 1, .h = 1, .w = 1, .c = filters};
  (void)arm_convolve_s8(&context, &params, &factors, &seen, x, &filter, w,
                        &biases, bias, NULL, &made, y);
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_CONV_H_
