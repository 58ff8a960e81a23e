// Gradients of a depthwise convolution, float32, NCHW, for one image: by its
// input and by its weights. Only training needs it, so it is a plain walk
// over runs of pixels, one tap after the other.
#ifndef SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_GRADIENT_H_
#define SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_GRADIENT_H_

#include <cstdint>
#include <span>

namespace squint {

class ThreadPool;

// Output pixels out_start + i read input pixels in_start + i * stride with
// one tap of the window, 0 <= i < count.
struct TapRun {
  int64_t tap = 0;
  int64_t in_start = 0;
  int64_t out_start = 0;
  int64_t count = 0;
};

struct DepthwiseGradientArgs {
  std::span<const TapRun> runs;
  int64_t channels = 0;
  int64_t multiplier = 1;  // filters of a channel: c * multiplier + i
  int64_t taps = 0;
  int64_t in_pixels = 0;
  int64_t out_pixels = 0;
  int64_t stride = 1;         // along the last axis
  const float* x = nullptr;   // [channels][in_pixels]
  const float* w = nullptr;   // [filters][taps]
  const float* dy = nullptr;  // [filters][out_pixels]
  float* dx = nullptr;        // as x, overwritten; null: not wanted
  float* dw = nullptr;        // as w, added to; null: not wanted
};

void DepthwiseGradient(const DepthwiseGradientArgs& args, ThreadPool& pool);

}  // namespace squint

#endif  // SQUINT_KERNELS_DEPTHWISE_DEPTHWISE_GRADIENT_H_
