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
#include "squint/kernels/depthwise/channels-inl.h"
#include "squint/kernels/pin-inl.h"

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
  float* out_end;
  int64_t out_w;
};

// Writes the vector of output (y, x), or what of it lies in the row. Rows come
// in order: what is written beyond a narrow one is the next one's.
template <class D, class V>
HWY_INLINE void Put(D d, const Band& b, int64_t y, int64_t x, V sum) {
  sum = ClampKeepNaN(sum, hn::Set(d, b.low), hn::Set(d, b.high));
  float* out = b.out + y * b.out_w + x;
  if (out + hn::MaxLanes(d) <= b.out_end) {
    hn::StoreU(sum, d, out);
  } else {
    StoreInRow(d, sum, out, b.out_w);
  }
}

// kRows rows of the result from y on, kVectors vectors at x. Every weight is
// broadcast once for all of them. With stride kS a tap lies in phase
// (ky % kS, kx % kS).
template <int kH, int kW, int kS, int kRows, int kVectors, class D>
HWY_INLINE void DenseTile(D d, const Band& b, int64_t y,
                          const int64_t (&x)[kVectors]) {
  using V = hn::Vec<D>;
  V sum[kRows][kVectors];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[r][v] = hn::Set(d, b.bias);
  }
  for (int ky = 0; ky < kH; ++ky) {
#pragma GCC unroll 8
    for (int kx = 0; kx < kW; ++kx) {
      V weight = hn::Set(d, b.weights[ky * kW + kx]);
      Pin(weight);
      const float* in = b.staged + (ky % kS * kS + kx % kS) * b.phase_floats +
                        (y + ky / kS) * b.columns + kx / kS;
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v) {
          sum[r][v] = hn::MulAdd(
              weight, hn::LoadU(d, in + r * b.columns + x[v]), sum[r][v]);
        }
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) Put(d, b, y + r, x[v], sum[r][v]);
  }
}

// The same for one vector and windows whose weights are all in registers: every
// vector of the image is loaded once for all rows whose windows hold it.
template <int kH, int kW, int kS, int kRows, class D>
HWY_INLINE void SmallTile(D d, const Band& b,
                          const hn::Vec<D> (&weights)[kH * kW], int64_t y,
                          int64_t x) {
  using V = hn::Vec<D>;
  V sum[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) sum[r] = hn::Set(d, b.bias);
  constexpr int kInputRows = (kRows - 1) * kS + kH;
#pragma GCC unroll 16
  for (int i = 0; i < kInputRows; ++i) {
#pragma GCC unroll 4
    for (int kx = 0; kx < kW; ++kx) {
      const float* in = b.staged + (i % kS * kS + kx % kS) * b.phase_floats +
                        (y + i / kS) * b.columns + x + kx / kS;
      V pixels = hn::LoadU(d, in);
      Pin(pixels);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const int ky = i - r * kS;
        if (ky < 0 || ky >= kH) continue;
        sum[r] = hn::MulAdd(weights[ky * kW + kx], pixels, sum[r]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) Put(d, b, y + r, x, sum[r]);
}

// Output rows from y on, kRows at a time; returns the first row not done. The
// last vector of a row ends with it.
template <int kH, int kW, int kS, int kRows, class D>
HWY_NOINLINE int64_t DenseRows(D d, const Band& b, int64_t y, int64_t rows) {
  const auto lanes = static_cast<int64_t>(hn::MaxLanes(d));
  const int64_t vectors = (b.out_w + lanes - 1) / lanes;
  const auto place = [&](int64_t i) {
    return std::max<int64_t>(0, std::min(i * lanes, b.out_w - lanes));
  };
  if constexpr (kH * kW <= 9) {
    hn::Vec<D> weights[kH * kW];
#pragma GCC unroll 9
    for (int t = 0; t < kH * kW; ++t) weights[t] = hn::Set(d, b.weights[t]);
    for (; y + kRows <= rows; y += kRows) {
      for (int64_t i = 0; i < vectors; ++i) {
        SmallTile<kH, kW, kS, kRows>(d, b, weights, y, place(i));
      }
    }
    return y;
  } else {
    for (; y + kRows <= rows; y += kRows) {
      int64_t i = 0;
      for (; i + 2 <= vectors; i += 2) {
        DenseTile<kH, kW, kS, kRows, 2>(d, b, y, {place(i), place(i + 1)});
      }
      if (i < vectors) DenseTile<kH, kW, kS, kRows, 1>(d, b, y, {place(i)});
    }
    return y;
  }
}

// A kH x kW window with stride kS in both directions and dilation 1.
template <int kH, int kW, int kS, class D>
void Dense(D d, const Band& b, int64_t rows) {
  int64_t y = DenseRows<kH, kW, kS, 4>(d, b, 0, rows);
  y = DenseRows<kH, kW, kS, 2>(d, b, y, rows);
  DenseRows<kH, kW, kS, 1>(d, b, y, rows);
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
    Dense<3, 3, 1>(d, b, rows);
  } else if (dense && w.kernel_h == 3 && w.stride_h == 2) {
    Dense<3, 3, 2>(d, b, rows);
  } else if (dense && w.kernel_h == 5 && w.stride_h == 1) {
    Dense<5, 5, 1>(d, b, rows);
  } else if (dense && w.kernel_h == 5 && w.stride_h == 2) {
    Dense<5, 5, 2>(d, b, rows);
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
    float* plane = out + i * s.window.out_pixels();
    const Band band{staged,
                    layout.columns,
                    layout.phase_floats(),
                    args.weights + filter * w.taps(),
                    args.bias ? args.bias[filter] : 0.0f,
                    args.low,
                    args.high,
                    plane,
                    plane + w.out_h * w.out_w,
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

// One input channel of one image, band by band.
void ComputeBands(const DepthwiseArgs& args, const float* plane,
                  int64_t channel, float* out) {
  ForEachBand(args.shape.window, plane, 0.0f,
              [&](const PlaneWindow& band, const StagedPlane& layout,
                  const float* staged, int64_t y) HWY_ATTR {
                ComputeStaged(args, band, layout, staged, channel,
                              out + y * band.out_w);
              });
}

// Planes [begin, end) of all images. Where a whole one fits the buffer, its
// border is written once for all.
void ComputePlanes(const DepthwiseArgs& args, int64_t begin, int64_t end) {
  const ConvShape& s = args.shape;
  const int64_t out_floats = s.group_filters() * s.window.out_pixels();
  HWY_ALIGN float staged[kBandFloats + kStagingSlack];
  const PlaneStaging staging(s.window);
  const bool whole = staging.fits() && staging.layout().floats() <= kBandFloats;
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; whole && i < staging.layout().floats(); i += lanes) {
    hn::Store(hn::Zero(d), d, staged + i);
  }
  for (int64_t i = begin; i < end; ++i) {
    const float* plane = args.input + i * s.window.in_pixels();
    float* out = args.output + i * out_floats;
    if (whole) {
      staging.CopyInside(plane, staged);
      ComputeStaged(args, s.window, staging.layout(), staged, i % s.channels,
                    out);
    } else {
      ComputeBands(args, plane, i % s.channels, out);
    }
  }
}

// Channels in vectors: of each image as many as fill them, in parts of rows
// that are worth turning the rows above anew. The others plane by plane.
void RunChannels(const DepthwiseArgs& args, ThreadPool& pool) {
  constexpr int64_t kFewRows = 8;
  const ConvShape& s = args.shape;
  const auto lanes = static_cast<int64_t>(HWY_LANES(float));
  const int64_t blocks = s.channels / lanes;
  const int64_t rows = s.window.out_h;
  const int64_t parts =
      std::clamp<int64_t>(4 * pool.threads() / (s.batch * blocks), 1,
                          std::max<int64_t>(1, rows / kFewRows));
  const int64_t rest = s.channels - blocks * lanes;
  const int64_t of_image = blocks * parts + rest;
  pool.ParallelFor(static_cast<size_t>(s.batch * of_image), 1,
                   [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       const int64_t first = i / of_image * s.channels;
                       const int64_t task = i % of_image;
                       if (task < blocks * parts) {
                         const int64_t part = task % parts;
                         ComputeChannels(args, first + task / parts * lanes,
                                         part * rows / parts,
                                         (part + 1) * rows / parts);
                       } else {
                         const int64_t plane =
                             first + task - blocks * parts + blocks * lanes;
                         ComputePlanes(args, plane, plane + 1);
                       }
                     }
                   });
}

void RunDepthwise(const DepthwiseArgs& args, ThreadPool& pool) {
  const ConvShape& s = args.shape;
  if (PrefersChannels(s)) return RunChannels(args, pool);
  const int64_t planes = s.batch * s.channels;
  const int64_t grain = std::max<int64_t>(1, planes / (16 * pool.threads()));
  pool.ParallelFor(static_cast<size_t>(planes), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     ComputePlanes(args, static_cast<int64_t>(begin),
                                   static_cast<int64_t>(end));
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
