// A window that moves over images [height][width][channels].
#ifndef SQUINT_KERNELS_FIXED_WINDOW_H_
#define SQUINT_KERNELS_FIXED_WINDOW_H_

#include <stdint.h>

typedef struct squint_window {
  int32_t images;
  int32_t in_h;
  int32_t in_w;
  int32_t channels;
  int32_t out_h;
  int32_t out_w;
  int32_t taps_h;
  int32_t taps_w;
  int32_t stride_h;
  int32_t stride_w;
  int32_t step_h; /* between taps: the dilation */
  int32_t step_w;
  int32_t pad_top;
  int32_t pad_left;
  int32_t zero; /* what stands for the border */
} squint_window;

#endif  // SQUINT_KERNELS_FIXED_WINDOW_H_
