// Sums and extremes along a row of float32, the way all kernels of rows make
// them: two vectors of partial results, of even and of odd vectors of the row,
// and their lanes one after the other. Included once per Highway target.
#if defined(SQUINT_KERNELS_ROWS_ROW_FOLD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_ROWS_ROW_FOLD_INL_H_
#undef SQUINT_KERNELS_ROWS_ROW_FOLD_INL_H_
#else
#define SQUINT_KERNELS_ROWS_ROW_FOLD_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using RowTag = hn::ScalableTag<float>;
using RowVector = hn::Vec<RowTag>;
constexpr int64_t kRowLanes = HWY_LANES(float);

struct SumOf {
  static constexpr float kStart = 0.0f;
  HWY_INLINE RowVector operator()(RowVector a, RowVector b) const {
    return hn::Add(a, b);
  }
  float Scalar(float a, float b) const { return a + b; }
};
// NaN wins.
struct MaxOf {
  static constexpr float kStart = -std::numeric_limits<float>::infinity();
  HWY_INLINE RowVector operator()(RowVector a, RowVector b) const {
    return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Gt(a, b)), a, b);
  }
  float Scalar(float a, float b) const { return a != a || a > b ? a : b; }
};
struct MinOf {
  static constexpr float kStart = std::numeric_limits<float>::infinity();
  HWY_INLINE RowVector operator()(RowVector a, RowVector b) const {
    return hn::IfThenElse(hn::Or(hn::IsNaN(a), hn::Lt(a, b)), a, b);
  }
  float Scalar(float a, float b) const { return a != a || a < b ? a : b; }
};

// The same of scores, where NaN makes any number of it: it makes the sum of
// their exponentials NaN.
struct MaxOfScores {
  static constexpr float kStart = MaxOf::kStart;
  HWY_INLINE RowVector operator()(RowVector a, RowVector b) const {
    return hn::Max(a, b);
  }
};

template <class F>
HWY_INLINE float FoldLanes(const F& f, RowVector v) {
  HWY_ALIGN float lanes[kRowLanes];
  hn::Store(v, RowTag(), lanes);
  float result = lanes[0];
  for (int64_t i = 1; i < kRowLanes; ++i) result = f.Scalar(result, lanes[i]);
  return result;
}

// `count` elements, at most a vector of them; the other lanes are 0.
HWY_INLINE RowVector LoadPart(const float* x, int64_t count) {
  if (count >= kRowLanes) return hn::LoadU(RowTag(), x);
  HWY_ALIGN float part[kRowLanes] = {};
  for (int64_t i = 0; i < count; ++i) part[i] = x[i];
  return hn::Load(RowTag(), part);
}
HWY_INLINE void StorePart(RowVector v, int64_t count, float* y) {
  if (count >= kRowLanes) return hn::StoreU(v, RowTag(), y);
  HWY_ALIGN float part[kRowLanes];
  hn::Store(v, RowTag(), part);
  for (int64_t i = 0; i < count; ++i) y[i] = part[i];
}

// f over the vectors each(i, count) of a row, `count` elements from i on: as
// many as a vector has but at the ragged end. Lanes remain to be folded.
template <class F, class Each>
HWY_INLINE RowVector FoldToLanes(const F& f, int64_t length, const Each& each) {
  const RowTag d;
  RowVector even = hn::Set(d, F::kStart);
  RowVector odd = even;
  int64_t i = 0;
  for (; i + 2 * kRowLanes <= length; i += 2 * kRowLanes) {
    const RowVector first = each(i, kRowLanes);
    const RowVector second = each(i + kRowLanes, kRowLanes);
    even = f(even, first);
    odd = f(odd, second);
  }
  for (; i + kRowLanes <= length; i += kRowLanes) {
    even = f(even, each(i, kRowLanes));
  }
  if (i < length) {
    const auto used = hn::FirstN(d, static_cast<size_t>(length - i));
    even = f(even,
             hn::IfThenElse(used, each(i, length - i), hn::Set(d, F::kStart)));
  }
  return f(even, odd);
}
template <class F, class Each>
HWY_INLINE float FoldVectors(const F& f, int64_t length, const Each& each) {
  return FoldLanes(f, FoldToLanes(f, length, each));
}

// map(x) of a row.
template <class M>
struct Mapped {
  M map;
  const float* x;
  HWY_INLINE RowVector operator()(int64_t i, int64_t count) const {
    return map(LoadPart(x + i, count));
  }
};
template <class F, class M>
HWY_INLINE float FoldRow(const F& f, const M& map, const float* x,
                         int64_t length) {
  return FoldVectors(f, length, Mapped<M>{map, x});
}

// What `each` makes, kept in y.
template <class Each>
struct Kept {
  Each each;
  float* y;
  HWY_INLINE RowVector operator()(int64_t i, int64_t count) const {
    const RowVector v = each(i, count);
    StorePart(v, count, y + i);
    return v;
  }
};
template <class F, class Each>
HWY_INLINE float FoldAndKeep(const F& f, const Each& each, int64_t length,
                             float* y) {
  return FoldVectors(f, length, Kept<Each>{each, y});
}
// The largest score of those that `each` makes.
template <class Each>
HWY_INLINE float KeepLargest(const Each& each, int64_t length, float* y) {
  return hn::GetLane(hn::MaxOfLanes(
      RowTag(), FoldToLanes(MaxOfScores{}, length, Kept<Each>{each, y})));
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_ROWS_ROW_FOLD_INL_H_
