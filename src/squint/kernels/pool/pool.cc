// Pooling over staged planes (conv/window.h).
#include "squint/kernels/pool/pool.h"

#include <algorithm>
#include <limits>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/pool/pool.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/conv/stage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

struct Maximum {
  static constexpr float kBorder = -std::numeric_limits<float>::infinity();
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Max(a, b);
  }
  template <class D, class V>
  HWY_INLINE V Finish(D, V v, int64_t, int64_t) const {
    return v;
  }
};

struct Average {
  static constexpr float kBorder = 0.0f;
  const float* rows;
  const float* columns;  // readable for a vector past the end
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Add(a, b);
  }
  template <class D, class V>
  HWY_INLINE V Finish(D d, V v, int64_t y, int64_t x) const {
    return hn::Div(v, hn::Mul(hn::Set(d, rows[y]), hn::LoadU(d, columns + x)));
  }
};

// kTaps 0: known at run time only.
template <int kTaps, class F, class D>
HWY_INLINE void PoolRows(const F& f, D d, const PlaneWindow& w,
                         const StagedPlane& layout, const float* staged,
                         int64_t first_row, float* out) {
  int64_t offsets[kTaps == 0 ? kMaxBandTaps : kTaps];
  const int64_t taps = kTaps == 0 ? w.taps() : kTaps;
  for (int64_t t = 0; t < taps; ++t) {
    offsets[t] = layout.TapOffset(w, t / w.kernel_w, t % w.kernel_w);
  }
  for (int64_t y = 0; y < w.out_h; ++y) {
    ForEachVector(w.out_w, hn::MaxLanes(d), [&](int64_t x) HWY_ATTR {
      const float* in = staged + y * layout.columns + x;
      auto result = hn::LoadU(d, in + offsets[0]);
#pragma GCC unroll 9
      for (int64_t t = 1; t < taps; ++t) {
        result = f(result, hn::LoadU(d, in + offsets[t]));
      }
      result = f.Finish(d, result, first_row + y, x);
      StoreInRow(d, result, out + (first_row + y) * w.out_w + x, w.out_w);
    });
  }
}

template <class F, class D>
HWY_INLINE void PoolBand(const F& f, D d, const PlaneWindow& w,
                         const StagedPlane& layout, const float* staged,
                         int64_t first_row, float* out) {
  if (w.taps() == 9) {
    PoolRows<9>(f, d, w, layout, staged, first_row, out);
  } else if (w.taps() == 4) {
    PoolRows<4>(f, d, w, layout, staged, first_row, out);
  } else {
    PoolRows<0>(f, d, w, layout, staged, first_row, out);
  }
}

template <class F>
HWY_INLINE void PoolPlane(const F& f, const PlaneWindow& w, const float* plane,
                          float* out) {
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 8> half;  // wastes less of narrow rows
  ForEachBand(w, plane, F::kBorder,
              [&](const PlaneWindow& band, const StagedPlane& layout,
                  const float* staged, int64_t y) HWY_ATTR {
                if (w.out_w >= static_cast<int64_t>(hn::MaxLanes(whole))) {
                  PoolBand(f, whole, band, layout, staged, y, out);
                } else {
                  PoolBand(f, half, band, layout, staged, y, out);
                }
              });
}

#if HWY_TARGET != HWY_SCALAR
// Maxima of columns first, then those of a row of them: fewer loads than all
// taps of a window, and no copy of the plane.
constexpr int64_t kMaxColumns = 4096;

HWY_INLINE int64_t PaddedColumns(const PlaneWindow& w) {
  return (w.out_w - 1) * w.stride_w + w.kernel_w;
}

template <class D>
bool FitsColumns(D d, const PlaneWindow& w) {
  return w.dilation_h == 1 && w.dilation_w == 1 && w.stride_w <= 2 &&
         w.pad_left >= 0 && w.pad_left < w.kernel_w && w.pad_top >= 0 &&
         w.pad_top < w.kernel_h && PaddedColumns(w) <= kMaxColumns &&
         w.pad_left + w.in_w <= kMaxColumns &&
         w.in_w >= static_cast<int64_t>(hn::MaxLanes(d)) &&
         (w.out_h - 1) * w.stride_h - w.pad_top < w.in_h;
}

// Every stride-th number from `in` on.
template <class D>
HWY_INLINE hn::Vec<D> LoadStrided(D d, const float* in, int64_t stride) {
  if (stride == 1) return hn::LoadU(d, in);
  return hn::ConcatEven(d, hn::LoadU(d, in + hn::MaxLanes(d)),
                        hn::LoadU(d, in));
}

template <class D>
HWY_NOINLINE void MaxByColumns(D d, const PlaneWindow& w, const float* plane,
                               float* out) {
  constexpr auto kN = static_cast<int64_t>(hn::MaxLanes(D()));
  // Room behind for vectors that begin inside.
  HWY_ALIGN float columns[kMaxColumns + 4 * kN];
  std::fill_n(columns, PaddedColumns(w) + 4 * kN, Maximum::kBorder);
  for (int64_t y = 0; y < w.out_h; ++y) {
    const int64_t top = y * w.stride_h - w.pad_top;
    const int64_t first = std::max<int64_t>(0, top);
    const int64_t rows = std::min(w.in_h, top + w.kernel_h) - first;
    const float* in = plane + first * w.in_w;
    ForEachVector(w.in_w, kN, [&](int64_t x) HWY_ATTR {
      auto most = hn::LoadU(d, in + x);
      for (int64_t r = 1; r < rows; ++r) {
        most = hn::Max(most, hn::LoadU(d, in + r * w.in_w + x));
      }
      hn::StoreU(most, d, columns + w.pad_left + x);
    });
    ForEachVector(w.out_w, kN, [&](int64_t x) HWY_ATTR {
      const float* at = columns + x * w.stride_w;
      auto most = LoadStrided(d, at, w.stride_w);
      for (int64_t t = 1; t < w.kernel_w; ++t) {
        most = hn::Max(most, LoadStrided(d, at + t, w.stride_w));
      }
      StoreInRow(d, most, out + y * w.out_w + x, w.out_w);
    });
  }
}
#endif

void MaxPlane(const PlaneWindow& w, const float* plane, float* out) {
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> whole;
  const hn::CappedTag<float, 8> half;
  const bool fills = w.out_w >= static_cast<int64_t>(hn::MaxLanes(whole));
  if (fills && FitsColumns(whole, w)) {
    return MaxByColumns(whole, w, plane, out);
  }
  if (FitsColumns(half, w)) return MaxByColumns(half, w, plane, out);
#endif
  PoolPlane(Maximum{}, w, plane, out);
}
void AveragePlane(const PlaneWindow& w, const float* rows, const float* columns,
                  const float* plane, float* out) {
  PoolPlane(Average{rows, columns}, w, plane, out);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(MaxPlane);
HWY_EXPORT(AveragePlane);

template <typename F>
void ForEachPlane(int64_t planes, ThreadPool& pool, F&& f) {
  const int64_t grain = std::max<int64_t>(1, planes / (16 * pool.threads()));
  pool.ParallelFor(static_cast<size_t>(planes), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     for (size_t p = begin; p < end; ++p) {
                       f(static_cast<int64_t>(p));
                     }
                   });
}

}  // namespace

void MaxPool(const PlaneWindow& window, int64_t planes, const float* x,
             float* y, ThreadPool& pool) {
  ForEachPlane(planes, pool, [&](int64_t p) {
    HWY_DYNAMIC_DISPATCH(MaxPlane)
    (window, x + p * window.in_pixels(), y + p * window.out_pixels());
  });
}

void AveragePool(const PlaneWindow& window, int64_t planes, const float* rows,
                 const float* columns, const float* x, float* y,
                 ThreadPool& pool) {
  ForEachPlane(planes, pool, [&](int64_t p) {
    HWY_DYNAMIC_DISPATCH(AveragePlane)
    (window, rows, columns, x + p * window.in_pixels(),
     y + p * window.out_pixels());
  });
}

}  // namespace squint
#endif  // HWY_ONCE
