// Two tensors that are added or multiplied, with what is broadcast.
#ifndef SQUINT_KERNELS_FIXED_PAIR_H_
#define SQUINT_KERNELS_FIXED_PAIR_H_

#include <stdint.h>

/* The result is [size_0][size_1][size_2][size_3]; steps to the next number of
   a and b along each axis, 0 where the same one is used again. */
typedef struct squint_pair {
  int32_t size_0;
  int32_t size_1;
  int32_t size_2;
  int32_t size_3;
  int32_t a_0;
  int32_t a_1;
  int32_t a_2;
  int32_t a_3;
  int32_t b_0;
  int32_t b_1;
  int32_t b_2;
  int32_t b_3;
  int32_t zero_a;
  int32_t zero_b;
} squint_pair;

#endif  // SQUINT_KERNELS_FIXED_PAIR_H_
