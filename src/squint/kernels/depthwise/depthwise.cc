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
  int64_t columns;       // of the staged plane
  int64_t phase_floats;  // from one phase to the next
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

// Output rows [begin, rows) of a kH x kW window with stride kS in both
// directions and dilation 1, kRows rows at a time; returns the first row not
// done. With stride 1 row y reads input rows y to y + kH - 1, so that an
// input row, once loaded, serves up to kH output rows (the compiler merges
// the equal loads). With stride 2 a tap lies in phase (ky % 2, kx % 2).
template <int kH, int kW, int kS, int kRows, class D>
HWY_INLINE int64_t DenseRows(D d, const Band& b, int64_t begin, int64_t rows) {
  using V = hn::Vec<D>;
  V weights[kH * kW];
#pragma GCC unroll 32
  for (int t = 0; t < kH * kW; ++t) weights[t] = hn::Set(d, b.weights[t]);
  const V bias = hn::Set(d, b.bias);
  const float* phase[kS * kS];
  for (int i = 0; i < kS * kS; ++i) phase[i] = b.staged + i * b.phase_floats;
  int64_t y = begin;
  for (; y + kRows <= rows; y += kRows) {
    ForEachVector(b.out_w, hn::MaxLanes(d), [&](int64_t x) HWY_ATTR {
      V sum[kRows];
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        sum[r] = bias;
#pragma GCC unroll 8
        for (int ky = 0; ky < kH; ++ky) {
#pragma GCC unroll 8
          for (int kx = 0; kx < kW; ++kx) {
            const float* in = phase[ky % kS * kS + kx % kS] +
                              (y + r + ky / kS) * b.columns + x + kx / kS;
            sum[r] =
                hn::MulAdd(weights[ky * kW + kx], hn::LoadU(d, in), sum[r]);
          }
        }
      }
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) Put(d, b, y + r, x, sum[r]);
    });
  }
  return y;
}

template <int kH, int kW, int kS, int kRows, class D>
HWY_NOINLINE void Dense(D d, const Band& b, int64_t rows) {
  const int64_t rest = DenseRows<kH, kW, kS, kRows>(d, b, 0, rows);
  DenseRows<kH, kW, kS, 1>(d, b, rest, rows);
}

// Any window.
template <class D>
HWY_NOINLINE void AnyTaps(D d, const PlaneWindow& w, const Band& b,
                          int64_t rows) {
  const StagedPlane layout(w);
  const int64_t taps = w.taps();
  int64_t offsets[kMaxBandTaps];
  for (int64_t t = 0; t < taps; ++t) {
    offsets[t] = layout.TapOffset(w, t / w.kernel_w, t % w.kernel_w);
  }
  for (int64_t y = 0; y < rows; ++y) {
    ForEachVector(b.out_w, hn::MaxLanes(d), [&](int64_t x) HWY_ATTR {
      const float* in = b.staged + y * b.columns + x;
      auto sum = hn::Set(d, b.bias);
      for (int64_t t = 0; t < taps; ++t) {
        sum = hn::MulAdd(hn::Set(d, b.weights[t]),
                         hn::LoadU(d, in + offsets[t]), sum);
      }
      Put(d, b, y, x, sum);
    });
  }
}

template <class D>
HWY_INLINE void ComputeBand(D d, const PlaneWindow& w, const Band& b,
                            int64_t rows) {
  const bool dense = w.stride_h == w.stride_w && w.dilation_h == 1 &&
                     w.dilation_w == 1 && w.kernel_h == w.kernel_w;
  if (dense && w.kernel_h == 3 && w.stride_h == 1) {
    Dense<3, 3, 1, 4>(d, b, rows);
  } else if (dense && w.kernel_h == 3 && w.stride_h == 2) {
    Dense<3, 3, 2, 2>(d, b, rows);
  } else if (dense && w.kernel_h == 5 && w.stride_h == 1) {
    Dense<5, 5, 1, 2>(d, b, rows);
  } else if (dense && w.kernel_h == 5 && w.stride_h == 2) {
    Dense<5, 5, 2, 2>(d, b, rows);
  } else {
    AnyTaps(d, w, b, rows);
  }
}

void ComputeStaged(const DepthwiseArgs& args, const PlaneWindow& w,
                   const StagedPlane& layout, const float* staged,
                   int64_t channel, float* out) {
  const ConvShape& s = args.shape;
  for (int64_t i = 0; i < s.group_filters(); ++i) {
    const int64_t filter = channel * s.group_filters() + i;
    const Band band{staged,
                    layout.columns,
                    layout.phase_floats(),
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
  return shape.groups == shape.channels && shape.group_filters() <= 2 &&
         FitsBand(shape.window);
}

void Depthwise(const DepthwiseArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunDepthwise)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
