// Loops of a strided copy.
#ifndef SQUINT_KERNELS_FIXED_COPY_SHAPE_H_
#define SQUINT_KERNELS_FIXED_COPY_SHAPE_H_

#include <stdint.h>

/* Six loops; from one element to the next along each, in x and in y. The
   elements of the last loop lie together in both. */
typedef struct squint_copy_shape {
  int32_t size_0;
  int32_t size_1;
  int32_t size_2;
  int32_t size_3;
  int32_t size_4;
  int32_t run;
  int32_t x_start;
  int32_t x_0;
  int32_t x_1;
  int32_t x_2;
  int32_t x_3;
  int32_t x_4;
  int32_t y_start;
  int32_t y_0;
  int32_t y_1;
  int32_t y_2;
  int32_t y_3;
  int32_t y_4;
} squint_copy_shape;

#endif  // SQUINT_KERNELS_FIXED_COPY_SHAPE_H_
