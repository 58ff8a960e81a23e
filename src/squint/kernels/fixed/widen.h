// More channels for each pixel: x [pixels][channels] between `before` and
// `after` channels of one value.
#ifndef SQUINT_KERNELS_FIXED_WIDEN_H_
#define SQUINT_KERNELS_FIXED_WIDEN_H_

#include <stdint.h>
#include <string.h>

typedef struct squint_widening {
  int32_t channels;
  int32_t before;
  int32_t after;
  int32_t value;
} squint_widening;

static void squint_widen(int32_t pixels, const squint_widening* widening,
                         const int8_t* x, int8_t* y) {
  const squint_widening w = *widening;
  for (int32_t p = 0; p < pixels; ++p) {
    memmove(y + w.before, x, (size_t)w.channels);
    memset(y, w.value, (size_t)w.before);
    memset(y + w.before + w.channels, w.value, (size_t)w.after);
    x += w.channels;
    y += w.before + w.channels + w.after;
  }
}

#endif  // SQUINT_KERNELS_FIXED_WIDEN_H_
