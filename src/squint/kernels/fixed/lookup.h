// Functions of one number by tables of their 256 results, the one of byte b
// (taken as unsigned) at place b.
#ifndef SQUINT_KERNELS_FIXED_LOOKUP_H_
#define SQUINT_KERNELS_FIXED_LOOKUP_H_

#include <stdint.h>

/* x is [outer][channels][inner], with a table for each channel. May run in
   place. */
static void squint_lookup(int32_t outer, int32_t channels, int32_t inner,
                          const int8_t* tables, const int8_t* x, int8_t* y) {
  for (int32_t o = 0; o < outer; ++o) {
    for (int32_t c = 0; c < channels; ++c) {
      const int8_t* table = tables + c * 256;
      for (int32_t i = 0; i < inner; ++i) *y++ = table[(uint8_t)*x++];
    }
  }
}

#endif  // SQUINT_KERNELS_FIXED_LOOKUP_H_
