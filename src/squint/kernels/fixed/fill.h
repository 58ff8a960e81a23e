// Borders of Pad.
#ifndef SQUINT_KERNELS_FIXED_FILL_H_
#define SQUINT_KERNELS_FIXED_FILL_H_

#include <stdint.h>
#include <string.h>

static void squint_fill(int32_t count, int32_t value, int8_t* y) {
  memset(y, value, (size_t)count);
}

#endif  // SQUINT_KERNELS_FIXED_FILL_H_
