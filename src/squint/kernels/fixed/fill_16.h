// Borders of Pad around 16-bit numbers.
#ifndef SQUINT_KERNELS_FIXED_FILL_16_H_
#define SQUINT_KERNELS_FIXED_FILL_16_H_

#include <stdint.h>
#include <string.h>

static void squint_fill_16(int32_t count, int32_t value, int8_t* y) {
  const int16_t number = (int16_t)value;
  for (int32_t i = 0; i < count; ++i) memcpy(y + 2 * i, &number, sizeof number);
}

#endif  // SQUINT_KERNELS_FIXED_FILL_16_H_
