/* Compiled into emitted code before all else: its calls of CMSIS-NN with
   scratch memory go by a check that it is what the hungriest version of the
   library says it takes. */
#include <stdio.h>
#include <stdlib.h>

#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"

static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static inline void check_scratch(const cmsis_nn_context* context, int32_t size,
                                 const char* kernel) {
  if (context->size == size && (size == 0) == (context->buf == NULL)) return;
  printf("%s: %ld bytes of scratch memory where it takes %ld\n", kernel,
         (long)context->size, (long)size);
  exit(1);
}

static inline arm_cmsis_nn_status checked_conv(
    const cmsis_nn_context* context, const cmsis_nn_conv_params* params,
    const cmsis_nn_per_channel_quant_params* factors, const cmsis_nn_dims* seen,
    const int8_t* x, const cmsis_nn_dims* filter, const int8_t* w,
    const cmsis_nn_dims* biases, const int32_t* bias,
    const cmsis_nn_dims* upscale, const cmsis_nn_dims* made, int8_t* y) {
  check_scratch(context,
                larger(arm_convolve_s8_get_buffer_size(seen, filter),
                       arm_convolve_s8_get_buffer_size_mve(seen, filter)),
                "arm_convolve_s8");
  return arm_convolve_s8(context, params, factors, seen, x, filter, w, biases,
                         bias, upscale, made, y);
}

static inline arm_cmsis_nn_status checked_depthwise(
    const cmsis_nn_context* context, const cmsis_nn_dw_conv_params* params,
    const cmsis_nn_per_channel_quant_params* factors, const cmsis_nn_dims* seen,
    const int8_t* x, const cmsis_nn_dims* filter, const int8_t* w,
    const cmsis_nn_dims* biases, const int32_t* bias, const cmsis_nn_dims* made,
    int8_t* y) {
  check_scratch(context,
                larger(arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp(
                           params, seen, filter, made),
                       arm_depthwise_conv_wrapper_s8_get_buffer_size_mve(
                           params, seen, filter, made)),
                "arm_depthwise_conv_wrapper_s8");
  return arm_depthwise_conv_wrapper_s8(context, params, factors, seen, x,
                                       filter, w, biases, bias, made, y);
}

#define arm_convolve_s8 checked_conv
#define arm_depthwise_conv_wrapper_s8 checked_depthwise
