#include "squint/kernels/depthwise/depthwise_gradient.h"

#include <algorithm>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/depthwise/depthwise_gradient.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

// y[i * step] += w * x[i]
HWY_INLINE void AddScaled(int64_t count, float w, const float* x, float* y,
                          int64_t step) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  if (step == 1) {
    const auto factor = hn::Set(d, w);
    for (; i + lanes <= count; i += lanes) {
      hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, y + i)),
                 d, y + i);
    }
  }
  for (; i < count; ++i) y[i * step] += w * x[i];
}

// sum of a[i] * b[i * step]
HWY_INLINE float Dot(int64_t count, const float* a, const float* b,
                     int64_t step) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto sums = hn::Zero(d);
  int64_t i = 0;
  if (step == 1) {
    for (; i + lanes <= count; i += lanes) {
      sums = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sums);
    }
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, sums));
  for (; i < count; ++i) sum += a[i] * b[i * step];
  return sum;
}

void ChannelGradient(const DepthwiseGradientArgs& args, int64_t channel) {
  const float* x = args.x + channel * args.in_pixels;
  float* dx = args.dx == nullptr ? nullptr : args.dx + channel * args.in_pixels;
  if (dx != nullptr) std::fill_n(dx, args.in_pixels, 0.0f);
  for (int64_t i = 0; i < args.multiplier; ++i) {
    const int64_t filter = channel * args.multiplier + i;
    const float* dy = args.dy + filter * args.out_pixels;
    for (const TapRun& run : args.runs) {
      const int64_t at = filter * args.taps + run.tap;
      const float* g = dy + run.out_start;
      if (dx != nullptr) {
        AddScaled(run.count, args.w[at], g, dx + run.in_start, args.stride);
      }
      if (args.dw != nullptr) {
        args.dw[at] += Dot(run.count, g, x + run.in_start, args.stride);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {

HWY_EXPORT(ChannelGradient);

void DepthwiseGradient(const DepthwiseGradientArgs& args, ThreadPool& pool) {
  const auto channel_gradient = HWY_DYNAMIC_DISPATCH(ChannelGradient);
  pool.ParallelFor(static_cast<size_t>(args.channels), 4,
                   [&](size_t begin, size_t end) {
                     for (size_t c = begin; c < end; ++c) {
                       channel_gradient(args, static_cast<int64_t>(c));
                     }
                   });
}

}  // namespace squint
#endif  // HWY_ONCE
