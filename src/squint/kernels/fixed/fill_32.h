// Borders of Pad around 32-bit numbers.
#ifndef SQUINT_KERNELS_FIXED_FILL_32_H_
#define SQUINT_KERNELS_FIXED_FILL_32_H_

#include <stdint.h>
#include <string.h>

/* value: the bits of a number. */
static void squint_fill_32(int32_t count, int32_t value, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) memcpy(y + 4 * i, &value, sizeof value);
}

#endif  // SQUINT_KERNELS_FIXED_FILL_32_H_
