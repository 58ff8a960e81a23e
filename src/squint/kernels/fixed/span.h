// How a part of an image lies in what it is made of, along one axis.
#ifndef SQUINT_KERNELS_FIXED_SPAN_H_
#define SQUINT_KERNELS_FIXED_SPAN_H_

#include <stdint.h>

/* `out` pixels are made of `in` that are there; the first window begins `pad`
   pixels before them, or inside where that is negative. */
typedef struct squint_span {
  int32_t in;
  int32_t out;
  int32_t pad;
} squint_span;

#endif  // SQUINT_KERNELS_FIXED_SPAN_H_
