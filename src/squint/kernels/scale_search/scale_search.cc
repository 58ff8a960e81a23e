#include "squint/kernels/scale_search/scale_search.h"

#include <limits>

#include "squint/kernels/scale_search/scale_search_ref.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/scale_search/scale_search.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using F = hn::CappedTag<float, kSearchLanes>;
using HalfF = hn::Half<F>;
using W = hn::Repartition<double, F>;
using FloatV = hn::Vec<F>;
using WideV = hn::Vec<W>;

constexpr size_t kLanes = HWY_MIN(HWY_LANES(float), kSearchLanes);
// Rows between looks at whether the candidate has lost already.
constexpr size_t kStride = 8;

// One vector of floats as two of doubles.
struct Pair {
  WideV low;
  WideV high;
};

HWY_INLINE Pair Widened(FloatV v) {
  return {hn::PromoteTo(W(), hn::LowerHalf(HalfF(), v)),
          hn::PromoteTo(W(), hn::UpperHalf(HalfF(), v))};
}

HWY_INLINE WideV WithSquare(WideV sum, WideV value, WideV scale, WideV q) {
  const WideV d = hn::Sub(value, hn::Mul(scale, q));
  return hn::Add(sum, hn::Mul(d, d));
}

// Errors of one candidate, or no less than `least` once they have passed it.
HWY_INLINE Pair Errors(const float* column, size_t rows, FloatV scale,
                       FloatV qmax, const Pair& least) {
  const F f;
  const Pair wide_scale = Widened(scale);
  Pair sums = {hn::Zero(W()), hn::Zero(W())};
  for (size_t row = 0; row < rows;) {
    const size_t end = HWY_MIN(rows, row + kStride);
    for (; row < end; ++row) {
      const FloatV v = hn::LoadU(f, column + row * kSearchLanes);
      const FloatV rounded = hn::Round(hn::Div(v, scale));
      const Pair q = Widened(hn::Min(hn::Max(rounded, hn::Neg(qmax)), qmax));
      const Pair value = Widened(v);
      sums.low = WithSquare(sums.low, value.low, wide_scale.low, q.low);
      sums.high = WithSquare(sums.high, value.high, wide_scale.high, q.high);
    }
    if (hn::AllTrue(W(), hn::Ge(sums.low, least.low)) &&
        hn::AllTrue(W(), hn::Ge(sums.high, least.high))) {
      break;
    }
  }
  return sums;
}

// Lane by lane, `yes` where the error a is less than b, else `no`.
HWY_INLINE FloatV WhereLess(const Pair& a, const Pair& b, FloatV yes,
                            FloatV no) {
  const F f;
  const W w;
  HWY_ALIGN double errors[2][kLanes];
  hn::StoreU(a.low, w, errors[0]);
  hn::StoreU(a.high, w, errors[0] + kLanes / 2);
  hn::StoreU(b.low, w, errors[1]);
  hn::StoreU(b.high, w, errors[1] + kLanes / 2);
  HWY_ALIGN float lanes[2][kLanes];
  hn::StoreU(yes, f, lanes[0]);
  hn::StoreU(no, f, lanes[1]);
  for (size_t i = 0; i < kLanes; ++i) {
    if (errors[0][i] < errors[1][i]) lanes[1][i] = lanes[0][i];
  }
  return hn::LoadU(f, lanes[1]);
}

HWY_INLINE void SearchColumns(const float* column, size_t rows, int32_t qmax,
                              float* scales) {
  const F f;
  FloatV magnitude = hn::Zero(f);
  for (size_t row = 0; row < rows; ++row) {
    magnitude =
        hn::Max(magnitude, hn::Abs(hn::LoadU(f, column + row * kSearchLanes)));
  }
  const FloatV largest = hn::Set(f, static_cast<float>(qmax));
  const WideV infinity = hn::Set(W(), std::numeric_limits<double>::infinity());
  Pair least = {infinity, infinity};
  FloatV best = hn::Zero(f);
  for (int step = 0; step <= kSearchSteps; ++step) {
    const FloatV scale =
        hn::Div(hn::Mul(magnitude, hn::Set(f, SearchRatio(step))), largest);
    const Pair errors = Errors(column, rows, scale, largest, least);
    // A group of zeros has 0 / 0 here: no error is less, and best stays 0.
    best = WhereLess(errors, least, scale, best);
    least.low =
        hn::IfThenElse(hn::Lt(errors.low, least.low), errors.low, least.low);
    least.high = hn::IfThenElse(hn::Lt(errors.high, least.high), errors.high,
                                least.high);
  }
  const FloatV smallest = hn::Set(f, std::numeric_limits<float>::min());
  hn::StoreU(hn::IfThenElse(hn::Ge(best, smallest), best, hn::Set(f, 1.0f)), f,
             scales);
}

void SearchTile(const float* tile, size_t rows, int32_t qmax, float* scales) {
  for (size_t lane = 0; lane < kSearchLanes; lane += kLanes) {
    SearchColumns(tile + lane, rows, qmax, scales + lane);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {

HWY_EXPORT(SearchTile);

void SearchScales(const float* tile, size_t rows, int32_t qmax,
                  float* scales) noexcept {
  HWY_DYNAMIC_DISPATCH(SearchTile)(tile, rows, qmax, scales);
}

}  // namespace squint
#endif
