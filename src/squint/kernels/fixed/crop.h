// A part of an image [rows->in][columns->in][channels]: the rectangle whose
// corner is `-pad`. The result may begin where x does, or before.
#ifndef SQUINT_KERNELS_FIXED_CROP_H_
#define SQUINT_KERNELS_FIXED_CROP_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/span.h"

static void squint_crop(const squint_span* rows, const squint_span* columns,
                        int32_t channels, const int8_t* x, int8_t* y) {
  const int32_t run = columns->out * channels;
  const int32_t step = columns->in * channels;
  x -= rows->pad * step + columns->pad * channels;
  for (int32_t i = rows->out; i > 0; --i) {
    memmove(y, x, (size_t)run);
    x += step;
    y += run;
  }
}

#endif  // SQUINT_KERNELS_FIXED_CROP_H_
