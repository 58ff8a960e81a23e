#include "squint/kernels/depthwise/depthwise_gradient.h"

#include <algorithm>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/depthwise/depthwise_gradient.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/conv/stage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;

// y += w * x
HWY_INLINE void AddScaled(int64_t count, float w, const float* x, float* y) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, w);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d,
               y + i);
  }
  for (; i < count; ++i) y[i] += w * x[i];
}

HWY_INLINE float DotOf(int64_t count, const float* a, const float* b) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    even = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), even);
    odd = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes),
                     odd);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
  for (; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

// Rows of `out_w` floats at the distance of the staged plane's rows.
HWY_INLINE void SpreadRows(const PlaneWindow& band, int64_t columns,
                           const float* rows, float* out) {
  for (int64_t y = 0; y < band.out_h; ++y) {
    std::copy_n(rows + y * band.out_w, band.out_w, out + y * columns);
    std::fill_n(out + y * columns + band.out_w, columns - band.out_w, 0.0f);
  }
}

// The opposite of StagePlane: adds what lies inside the image to `plane`.
HWY_INLINE void AddStaged(const PlaneWindow& w, const StagedPlane& staged,
                          const float* from, float* plane) {
  for (int64_t phase_h = 0; phase_h < staged.phases_h; ++phase_h) {
    for (int64_t phase_w = 0; phase_w < staged.phases_w; ++phase_w) {
      const PhaseRun run(w, staged, phase_w);
      int64_t y = phase_h - w.pad_top;
      for (int64_t r = 0; r < staged.rows; ++r, y += w.stride_h) {
        if (y >= 0 && y < w.in_h) {
          float* row = plane + y * w.in_w + run.source;
          for (int64_t i = 0; i < run.count; ++i) {
            row[i * w.stride_w] += from[run.column + i];
          }
        }
        from += staged.columns;
      }
    }
  }
}

// One filter over one plane; `dx` and `dw` are added to.
void PlaneGradient(const PlaneWindow& window, const float* x, const float* w,
                   const float* dy, float* dx, float* dw) {
  HWY_ALIGN float spread[kBandFloats];
  HWY_ALIGN float staged_dx[kBandFloats];
  ForEachBand(
      window, x, 0.0f,
      [&](const PlaneWindow& band, const StagedPlane& layout,
          const float* staged, int64_t first) {
        SpreadRows(band, layout.columns, dy + first * band.out_w, spread);
        const int64_t count = (band.out_h - 1) * layout.columns + band.out_w;
        std::fill_n(staged_dx, layout.floats(), 0.0f);
        for (int64_t tap = 0; tap < band.taps(); ++tap) {
          const int64_t at =
              layout.TapOffset(band, tap / band.kernel_w, tap % band.kernel_w);
          if (dw != nullptr) {
            dw[tap] += DotOf(count, spread, staged + at);
          }
          if (dx != nullptr) {
            AddScaled(count, w[tap], spread, staged_dx + at);
          }
        }
        if (dx != nullptr) AddStaged(band, layout, staged_dx, dx);
      });
}

void ChannelGradient(const DepthwiseGradientArgs& args, int64_t channel) {
  const ConvShape& shape = args.shape;
  const PlaneWindow& window = shape.window;
  const int64_t filters = shape.group_filters();
  if (args.dw != nullptr) {
    std::fill_n(args.dw + channel * filters * window.taps(),
                filters * window.taps(), 0.0f);
  }
  for (int64_t n = 0; n < shape.batch; ++n) {
    const int64_t in = (n * shape.channels + channel) * window.in_pixels();
    float* dx = args.dx == nullptr ? nullptr : args.dx + in;
    if (dx != nullptr) std::fill_n(dx, window.in_pixels(), 0.0f);
    for (int64_t i = 0; i < filters; ++i) {
      const int64_t filter = channel * filters + i;
      const int64_t out = (n * shape.filters + filter) * window.out_pixels();
      const int64_t weight = filter * window.taps();
      PlaneGradient(window, args.x + in, args.w + weight, args.dy + out, dx,
                    args.dw == nullptr ? nullptr : args.dw + weight);
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
  pool.ParallelFor(static_cast<size_t>(args.shape.channels), 4,
                   [&](size_t begin, size_t end) {
                     for (size_t c = begin; c < end; ++c) {
                       channel_gradient(args, static_cast<int64_t>(c));
                     }
                   });
}

}  // namespace squint
#endif  // HWY_ONCE
