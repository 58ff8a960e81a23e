// Windows of convolutions and pools in the kernels' terms.
#ifndef SQUINT_FIXED_STEPS_WINDOW_H_
#define SQUINT_FIXED_STEPS_WINDOW_H_

#include "squint/fixed/operation.h"
#include "squint/kernels/fixed/window.h"

namespace squint {

// Of an image with one or two spatial axes. An image [N, C, spatial ...] is
// one of N * C images with one channel, unless `channels_last`.
struct ImageDims {
  int64_t images = 1;
  int64_t channels = 1;
  Dims first;  // as [N, C, spatial ...]
};
ImageDims ImageDimsOf(const FixedOperand& operand, bool channels_last);

// `kernel`: sizes of the spatial axes. `is_pool`: how windows lie when they
// are wider apart than large (ops/window.h).
squint_window WindowOf(const FixedOperation& operation, const Dims& kernel,
                       bool is_pool);

}  // namespace squint

#endif  // SQUINT_FIXED_STEPS_WINDOW_H_
