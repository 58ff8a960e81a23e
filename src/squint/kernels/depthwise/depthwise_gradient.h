// Gradients of a depthwise convolution, float32, NCHW: by its input and by its
// weights. On staged planes (conv/window.h) each tap of the window is one
// stretch of memory, so that both are long sums, one tap after the other.
#ifndef SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_GRADIENT_H_
#define SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_GRADIENT_H_

#include <cstdint>

#include "squint/kernels/conv/conv.h"

namespace squint {

class ThreadPool;

struct DepthwiseGradientArgs {
  const ConvShape& shape;     // groups == channels, FitsBand(shape.window)
  const float* x = nullptr;   // [batch][channels][in pixels]
  const float* w = nullptr;   // [filters][taps]
  const float* dy = nullptr;  // [batch][filters][out pixels]
  float* dx = nullptr;        // as x, overwritten; null: not wanted
  float* dw = nullptr;        // as w, overwritten; null: not wanted
};

void DepthwiseGradient(const DepthwiseGradientArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_GRADIENT_H_
