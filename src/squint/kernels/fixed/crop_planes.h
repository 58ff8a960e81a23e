// A part of an image that lies in planes [channels][rows->in][columns->in]: the
// rectangle whose corner is `-pad`, as [rows->out][columns->out][channels].
#ifndef SQUINT_KERNELS_FIXED_CROP_PLANES_H_
#define SQUINT_KERNELS_FIXED_CROP_PLANES_H_

#include <stdint.h>

#include "squint/kernels/fixed/span.h"

/* plane: from one plane to the next. */
static void squint_crop_planes(const squint_span* rows,
                               const squint_span* columns, int32_t channels,
                               int32_t plane, const int8_t* x, int8_t* y) {
  x -= rows->pad * columns->in + columns->pad;
  for (int32_t i = rows->out; i > 0; --i) {
    for (int32_t j = 0; j < columns->out; ++j) {
      for (int32_t c = 0; c < channels; ++c) *y++ = x[c * plane + j];
    }
    x += columns->in;
  }
}

#endif  // SQUINT_KERNELS_FIXED_CROP_PLANES_H_
