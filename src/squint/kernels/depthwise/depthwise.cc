// Depthwise convolution over staged planes (conv/window.h).
#include "squint/kernels/depthwise/depthwise.h"

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/depthwise/depthwise.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/clamp-inl.h"
#include "squint/kernels/conv/stage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// One filter over a staged band.
struct Band {
  const float* staged;
  int64_t columns;  // of the staged plane
  const int64_t* offsets;
  int taps;
  const float* weights;
  float bias;
  float low;
  float high;
  float* out;
  int64_t out_w;
};

// Writes the vector of output (y, x), or what of it lies in the row.
template <class D, class V>
HWY_INLINE void Put(D d, const Band& b, int64_t y, int64_t x, V sum) {
  sum = ClampKeepNaN(sum, hn::Set(d, b.low), hn::Set(d, b.high));
  StoreInRow(d, sum, b.out + y * b.out_w + x, b.out_w);
}

// kRows output rows at once; stride and dilation 1, so that row y reads
// input rows y to y + kH - 1 and an input row serves up to kH output rows.
template <int kH, int kW, int kRows, class D>
HWY_INLINE void SharedRows(D d, const Band& b, int64_t y, int64_t x) {
  hn::Vec<D> sum[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sum[r] = hn::Set(d, b.bias);
  const float* in = b.staged + y * b.columns + x;
#pragma GCC unroll 16
  for (int i = 0; i < kRows + kH - 1; ++i) {
#pragma GCC unroll 8
    for (int kx = 0; kx < kW; ++kx) {
      const auto pixel = hn::LoadU(d, in + i * b.columns + kx);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const int ky = i - r;
        if (ky < 0 || ky >= kH) continue;
        sum[r] = hn::MulAdd(hn::Set(d, b.weights[ky * kW + kx]), pixel, sum[r]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) Put(d, b, y + r, x, sum[r]);
}

// Any window; kTaps 0: known at run time only.
template <int kTaps, class D>
HWY_INLINE void AnyTaps(D d, const Band& b, int64_t y, int64_t x) {
  const float* in = b.staged + y * b.columns + x;
  auto sum = hn::Set(d, b.bias);
  const int taps = kTaps == 0 ? b.taps : kTaps;
#pragma GCC unroll 25
  for (int t = 0; t < taps; ++t) {
    sum = hn::MulAdd(hn::Set(d, b.weights[t]), hn::LoadU(d, in + b.offsets[t]),
                     sum);
  }
  Put(d, b, y, x, sum);
}

template <int kH, int kW, int kRows, class D>
HWY_INLINE void RowsOf(D d, const Band& b, int64_t* y, int64_t rows) {
  for (; *y + kRows <= rows; *y += kRows) {
    ForEachVector(b.out_w, hn::MaxLanes(d), [&](int64_t x) HWY_ATTR {
      SharedRows<kH, kW, kRows>(d, b, *y, x);
    });
  }
}

template <int kTaps, class D>
HWY_INLINE void EveryRow(D d, const Band& b, int64_t rows) {
  for (int64_t y = 0; y < rows; ++y) {
    ForEachVector(b.out_w, hn::MaxLanes(d),
                  [&](int64_t x) HWY_ATTR { AnyTaps<kTaps>(d, b, y, x); });
  }
}

template <class D>
HWY_NOINLINE void ComputeBand(D d, const PlaneWindow& w, const Band& b,
                              int64_t rows) {
  const bool dense = w.stride_h == 1 && w.stride_w == 1 && w.dilation_h == 1 &&
                     w.dilation_w == 1;
  int64_t y = 0;
  if (dense && w.kernel_h == 3 && w.kernel_w == 3) {
    RowsOf<3, 3, 4>(d, b, &y, rows);
    RowsOf<3, 3, 2>(d, b, &y, rows);
    RowsOf<3, 3, 1>(d, b, &y, rows);
  } else if (dense && w.kernel_h == 5 && w.kernel_w == 5) {
    RowsOf<5, 5, 2>(d, b, &y, rows);
    RowsOf<5, 5, 1>(d, b, &y, rows);
  } else if (b.taps == 9) {
    EveryRow<9>(d, b, rows);
  } else if (b.taps == 25) {
    EveryRow<25>(d, b, rows);
  } else {
    EveryRow<0>(d, b, rows);
  }
}

void ComputeStaged(const DepthwiseArgs& args, const PlaneWindow& w,
                   const StagedPlane& layout, const float* staged,
                   int64_t channel, float* out) {
  const ConvShape& s = args.shape;
  int64_t offsets[kMaxBandTaps];
  for (int64_t t = 0; t < w.taps(); ++t) {
    offsets[t] = layout.TapOffset(w, t / w.kernel_w, t % w.kernel_w);
  }
  for (int64_t i = 0; i < s.group_filters(); ++i) {
    const int64_t filter = channel * s.group_filters() + i;
    const Band band{staged,
                    layout.columns,
                    offsets,
                    static_cast<int>(w.taps()),
                    args.weights + filter * w.taps(),
                    args.bias ? args.bias[filter] : 0.0f,
                    args.low,
                    args.high,
                    out + i * s.window.out_pixels(),
                    w.out_w};
    // Half vectors waste less of narrow rows.
    const hn::ScalableTag<float> whole;
    const hn::CappedTag<float, 8> half;
    if (w.out_w >= static_cast<int64_t>(hn::MaxLanes(whole))) {
      ComputeBand(whole, w, band, w.out_h);
    } else {
      ComputeBand(half, w, band, w.out_h);
    }
  }
}

// One input channel of one image.
void ComputeChannel(const DepthwiseArgs& args, const float* plane,
                    int64_t channel, float* out) {
  ForEachBand(args.shape.window, plane, 0.0f,
              [&](const PlaneWindow& band, const StagedPlane& layout,
                  const float* staged, int64_t y) HWY_ATTR {
                ComputeStaged(args, band, layout, staged, channel,
                              out + y * band.out_w);
              });
}

void RunDepthwise(const DepthwiseArgs& args, ThreadPool& pool) {
  const ConvShape& s = args.shape;
  const int64_t planes = s.batch * s.channels;
  const int64_t grain = std::max<int64_t>(1, planes / (16 * pool.threads()));
  const int64_t out_floats = s.group_filters() * s.window.out_pixels();
  pool.ParallelFor(static_cast<size_t>(planes), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       ComputeChannel(
                           args, args.input + i * s.window.in_pixels(),
                           i % s.channels, args.output + i * out_floats);
                     }
                   });
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(RunDepthwise);
}  // namespace

bool DepthwiseFits(const ConvShape& shape) {
  return shape.groups == shape.channels && FitsBand(shape.window);
}

void Depthwise(const DepthwiseArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunDepthwise)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
