// Images before and behind a window, in CMSIS-NN's terms.
#ifndef SQUINT_EMIT_CMSIS_NN_CMSIS_IMAGE_H_
#define SQUINT_EMIT_CMSIS_NN_CMSIS_IMAGE_H_

#include "arm_nnfunctions.h"
#include "squint/kernels/fixed/window.h"

static inline cmsis_nn_dims squint_cmsis_seen(const squint_window* window) {
  const cmsis_nn_dims dims = {.n = window->images,
                              .h = window->in_h,
                              .w = window->in_w,
                              .c = window->channels};
  return dims;
}

static inline cmsis_nn_dims squint_cmsis_made(const squint_window* window,
                                              int32_t channels) {
  const cmsis_nn_dims dims = {.n = window->images,
                              .h = window->out_h,
                              .w = window->out_w,
                              .c = channels};
  return dims;
}

#endif  // SQUINT_EMIT_CMSIS_NN_CMSIS_IMAGE_H_
