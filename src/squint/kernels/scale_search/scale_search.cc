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

// A group is a lane of doubles, and of as many floats.
using W = hn::CappedTag<double, kSearchLanes>;
using F = hn::Rebind<float, W>;
using FloatV = hn::Vec<F>;
using WideV = hn::Vec<W>;

constexpr size_t kLanes = HWY_MIN(HWY_LANES(double), kSearchLanes);
// Rows between looks at whether the candidate has lost already.
constexpr size_t kStride = 8;

// Errors of one candidate, or no less than `least` once they have passed it.
HWY_INLINE WideV Errors(const float* column, size_t rows, FloatV scale,
                        FloatV qmax, WideV least) {
  const F f;
  const W w;
  const WideV wide_scale = hn::PromoteTo(w, scale);
  const FloatV qmin = hn::Neg(qmax);
  WideV sum = hn::Zero(w);
  for (size_t row = 0; row < rows;) {
    const size_t end = HWY_MIN(rows, row + kStride);
    for (; row < end; ++row) {
      const FloatV v = hn::LoadU(f, column + row * kSearchLanes);
      const FloatV rounded = hn::Round(hn::Div(v, scale));
      const FloatV q = hn::Min(hn::Max(rounded, qmin), qmax);
      const WideV d = hn::Sub(hn::PromoteTo(w, v),
                              hn::Mul(wide_scale, hn::PromoteTo(w, q)));
      sum = hn::Add(sum, hn::Mul(d, d));
    }
    if (hn::AllTrue(w, hn::Ge(sum, least))) break;
  }
  return sum;
}

HWY_INLINE void SearchColumns(const float* column, size_t rows, int32_t qmax,
                              float* scales) {
  const F f;
  const W w;
  FloatV magnitude = hn::Zero(f);
  for (size_t row = 0; row < rows; ++row) {
    magnitude =
        hn::Max(magnitude, hn::Abs(hn::LoadU(f, column + row * kSearchLanes)));
  }
  const FloatV largest = hn::Set(f, static_cast<float>(qmax));
  WideV least = hn::Set(w, std::numeric_limits<double>::infinity());
  WideV best = hn::Zero(w);
  for (int step = 0; step <= kSearchSteps; ++step) {
    const FloatV scale =
        hn::Div(hn::Mul(magnitude, hn::Set(f, SearchRatio(step))), largest);
    const WideV errors = Errors(column, rows, scale, largest, least);
    // A group of zeros has 0 / 0 here: whatever comes of that, best stays 0.
    const auto better = hn::Lt(errors, least);
    best = hn::IfThenElse(better, hn::PromoteTo(w, scale), best);
    least = hn::IfThenElse(better, errors, least);
  }
  const FloatV chosen = hn::DemoteTo(f, best);
  const FloatV smallest = hn::Set(f, std::numeric_limits<float>::min());
  const FloatV one = hn::Set(f, 1.0f);
  hn::StoreU(hn::IfThenElse(hn::Ge(chosen, smallest), chosen, one), f, scales);
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
