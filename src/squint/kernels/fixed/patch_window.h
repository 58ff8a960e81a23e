// The window of a step on a part of its image.
#ifndef SQUINT_KERNELS_FIXED_PATCH_WINDOW_H_
#define SQUINT_KERNELS_FIXED_PATCH_WINDOW_H_

#include "squint/kernels/fixed/span.h"
#include "squint/kernels/fixed/window.h"

static inline squint_window squint_patch_window(const squint_window* whole,
                                                const squint_span* rows,
                                                const squint_span* columns) {
  squint_window window = *whole;
  window.in_h = rows->in;
  window.in_w = columns->in;
  window.out_h = rows->out;
  window.out_w = columns->out;
  window.pad_top = rows->pad;
  window.pad_left = columns->pad;
  return window;
}

#endif  // SQUINT_KERNELS_FIXED_PATCH_WINDOW_H_
