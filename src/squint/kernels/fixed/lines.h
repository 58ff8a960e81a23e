// Lines of numbers that are normalized together: [outer][count][inner].
#ifndef SQUINT_KERNELS_FIXED_LINES_H_
#define SQUINT_KERNELS_FIXED_LINES_H_

#include <stdint.h>

/* The factor is that of the results. */
typedef struct squint_lines {
  int32_t outer;
  int32_t count;
  int32_t inner;
  int32_t multiplier;
  int32_t shift;
} squint_lines;

#endif  // SQUINT_KERNELS_FIXED_LINES_H_
