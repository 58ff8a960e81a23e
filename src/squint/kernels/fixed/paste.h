// The counterpart of a crop: x [rows->out][columns->out][channels] becomes the
// rectangle of y [rows->in][columns->in][channels] whose corner is `-pad`.
#ifndef SQUINT_KERNELS_FIXED_PASTE_H_
#define SQUINT_KERNELS_FIXED_PASTE_H_

#include <stdint.h>
#include <string.h>

#include "squint/kernels/fixed/span.h"

static void squint_paste(const squint_span* rows, const squint_span* columns,
                         int32_t channels, const int8_t* x, int8_t* y) {
  const int32_t run = columns->out * channels;
  const int32_t step = columns->in * channels;
  y -= rows->pad * step + columns->pad * channels;
  for (int32_t i = rows->out; i > 0; --i) {
    memcpy(y, x, (size_t)run);
    x += run;
    y += step;
  }
}

#endif  // SQUINT_KERNELS_FIXED_PASTE_H_
