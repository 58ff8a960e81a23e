// Largest numbers of windows, by CMSIS-NN.
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_MAX_POOL_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_MAX_POOL_H_

#include "arm_nnfunctions.h"
#include "squint/emit/cmsis_nn/cmsis_image.h"

static void squint_cmsis_max_pool(const squint_window* window, const int8_t* x,
                                  int8_t* y) {
  const cmsis_nn_context context = {NULL, 0};
  const cmsis_nn_pool_params params = {
      .stride = {window->stride_w, window->stride_h},
      .padding = {window->pad_left, window->pad_top},
      .activation = {INT8_MIN, INT8_MAX}};
  const cmsis_nn_dims seen = squint_cmsis_seen(window);
  const cmsis_nn_dims made = squint_cmsis_made(window, window->channels);
  const cmsis_nn_dims taps = {
      .n = 1, .h = window->taps_h, .w = window->taps_w, .c = 1};
  (void)arm_max_pool_s8(&context, &params, &seen, x, &taps, &made, y);
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_MAX_POOL_H_
