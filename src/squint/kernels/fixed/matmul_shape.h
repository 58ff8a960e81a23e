// Sizes, zero points and the factor of a product of two computed matrices.
#ifndef SQUINT_KERNELS_FIXED_MATMUL_SHAPE_H_
#define SQUINT_KERNELS_FIXED_MATMUL_SHAPE_H_

#include <stdint.h>

typedef struct squint_matmul_shape {
  int32_t m;
  int32_t n;
  int32_t k;
  int32_t zero_a;
  int32_t zero_b;
  int32_t multiplier;
  int32_t shift;
} squint_matmul_shape;

#endif  // SQUINT_KERNELS_FIXED_MATMUL_SHAPE_H_
