// One number for many: x is [outer][reduced][inner], y [outer][inner].
#ifndef SQUINT_KERNELS_FIXED_REDUCE_H_
#define SQUINT_KERNELS_FIXED_REDUCE_H_

#include <stdint.h>

typedef struct squint_reduced {
  int32_t outer;
  int32_t reduced;
  int32_t inner;
} squint_reduced;

#endif  // SQUINT_KERNELS_FIXED_REDUCE_H_
