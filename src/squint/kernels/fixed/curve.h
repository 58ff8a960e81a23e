// Functions of one 16-bit number by tables with straight lines between their
// points. The domain is cut into 256 cells of 256 numbers; cell c has 2^bits[c]
// lines, as many as it takes to be near the function everywhere, from
// points[first[c]] on. Its last point is the first one of the next cell.
#ifndef SQUINT_KERNELS_FIXED_CURVE_H_
#define SQUINT_KERNELS_FIXED_CURVE_H_

#include <stdint.h>

#include "squint/kernels/fixed/sixteen.h"

/* May run in place. */
static void squint_curve_16(int32_t count, const uint16_t* first,
                            const uint8_t* bits, const int16_t* points,
                            const int8_t* x, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    const int32_t at = squint_get16(x, i) + 32768;
    const int32_t width = 8 - bits[at >> 8]; /* bits of a line */
    const int32_t along = at & ((1 << width) - 1);
    const int16_t* const p = points + first[at >> 8] + ((at & 255) >> width);
    const int32_t half = (1 << width) >> 1;
    squint_set16(y, i, p[0] + (((p[1] - p[0]) * along + half) >> width));
  }
}

#endif  // SQUINT_KERNELS_FIXED_CURVE_H_
