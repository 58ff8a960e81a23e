// Every so many pixels of images [height][width][channels]: one tap of a window
// (window.h) each, which lies inside. A negative pad skips pixels.
#ifndef SQUINT_KERNELS_FIXED_PICK_H_
#define SQUINT_KERNELS_FIXED_PICK_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/window.h"

static void squint_pick(const squint_window* window, const int8_t* x,
                        int8_t* y) {
  const squint_window w = *window;
  for (int32_t i = 0; i < w.out_h; ++i) {
    const int32_t row = (i * w.stride_h - w.pad_top) * w.in_w;
    for (int32_t j = 0; j < w.out_w; ++j) {
      const int32_t pixel = row + j * w.stride_w - w.pad_left;
      memmove(y, x + pixel * w.channels, (size_t)w.channels);
      y += w.channels;
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_PICK_H_
