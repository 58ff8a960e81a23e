// A function of one real number, of many. May run in place.
#ifndef SQUINT_KERNELS_REAL_REAL_MAP_H_
#define SQUINT_KERNELS_REAL_REAL_MAP_H_

#include <stdint.h>

#include "squint/kernels/real/real_get.h"
#include "squint/kernels/real/real_set.h"

/* The function has two parameters. */
static void squint_real_map(int32_t count,
                            float (*function)(float, float, float), float p,
                            float q, const int8_t* x, int8_t* y) {
  for (int32_t i = 0; i < count; ++i) {
    squint_set_real(y, i, function(squint_get_real(x, i), p, q));
  }
}

#endif  // SQUINT_KERNELS_REAL_REAL_MAP_H_
