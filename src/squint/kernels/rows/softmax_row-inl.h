// The softmax of one row, in three passes over it: what is done to the scores
// before and their maximum, exponentials and their sum, quotients as reals or
// as steps of a grid. Included once per Highway target.
#if defined(SQUINT_KERNELS_ROWS_SOFTMAX_ROW_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_ROWS_SOFTMAX_ROW_INL_H_
#undef SQUINT_KERNELS_ROWS_SOFTMAX_ROW_INL_H_
#else
#define SQUINT_KERNELS_ROWS_SOFTMAX_ROW_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "squint/kernels/elementwise/math-inl.h"
#include "squint/kernels/qgemm/requantize-inl.h"
#include "squint/kernels/rows/row_fold-inl.h"
#include "squint/kernels/rows/score_factor.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

struct Same {
  HWY_INLINE RowVector operator()(RowVector x) const { return x; }
};
struct ExpAround {
  float largest;
  HWY_INLINE RowVector operator()(RowVector x) const {
    return ExpOfNegative(RowTag(), hn::Sub(x, hn::Set(RowTag(), largest)));
  }
};

// x, times or divided by a number, plus a row.
template <bool kDivides, bool kAdds>
struct Scores {
  const float* x;
  float number;
  const float* added;
  HWY_INLINE RowVector operator()(int64_t i, int64_t count) const {
    const auto factor = hn::Set(RowTag(), number);
    RowVector v = LoadPart(x + i, count);
    v = kDivides ? hn::Div(v, factor) : hn::Mul(v, factor);
    if constexpr (kAdds) v = hn::Add(v, LoadPart(added + i, count));
    return v;
  }
};

// y = the scores; returns the largest of them. `added` may be null, y x.
template <bool kDivides>
HWY_INLINE float KeepScores(const float* x, float number, const float* added,
                            int64_t length, float* y) {
  if (added == nullptr) {
    return KeepLargest(Scores<kDivides, false>{x, number, added}, length, y);
  }
  return KeepLargest(Scores<kDivides, true>{x, number, added}, length, y);
}
HWY_INLINE float KeepScores(const float* x, const ScoreFactor& factor,
                            const float* added, int64_t length, float* y) {
  if (factor.kind == ScoreFactor::kOver) {
    return KeepScores<true>(x, factor.number, added, length, y);
  }
  // Without a factor the number is 1, which changes none.
  return KeepScores<false>(x, factor.number, added, length, y);
}

// y = e^(x - largest); returns lanes whose sum, in order, is theirs. y may be
// x.
HWY_INLINE RowVector SumExponentials(const float* x, float largest,
                                     int64_t length, float* y) {
  using Each = Mapped<ExpAround>;
  return FoldToLanes(SumOf{}, length, Kept<Each>{{{largest}, x}, y});
}
// The same; returns what makes their sum 1.
HWY_INLINE float KeepExponentials(const float* x, float largest, int64_t length,
                                  float* y) {
  return 1.0f / FoldLanes(SumOf{}, SumExponentials(x, largest, length, y));
}

// So many rows at once: what a row waits for, others are done in.
constexpr int64_t kSoftmaxRows = 8;

// The inverse of the sum of each of kSoftmaxRows vectors of lanes.
HWY_INLINE void InverseSums(const float* lanes, float* inverse) {
  float sum[kSoftmaxRows];
#pragma GCC unroll 8
  for (int r = 0; r < kSoftmaxRows; ++r) sum[r] = lanes[r * kRowLanes];
  for (int64_t i = 1; i < kRowLanes; ++i) {
#pragma GCC unroll 8
    for (int r = 0; r < kSoftmaxRows; ++r) sum[r] += lanes[r * kRowLanes + i];
  }
#pragma GCC unroll 8
  for (int r = 0; r < kSoftmaxRows; ++r) inverse[r] = 1.0f / sum[r];
}

// y = x * factor; y may be x.
HWY_INLINE void ScaleRow(const float* x, float factor, int64_t length,
                         float* y) {
  const auto by = hn::Set(RowTag(), factor);
  int64_t i = 0;
  for (; i + kRowLanes <= length; i += kRowLanes) {
    hn::StoreU(hn::Mul(hn::LoadU(RowTag(), x + i), by), RowTag(), y + i);
  }
  if (i == length) return;
  StorePart(hn::Mul(LoadPart(x + i, length - i), by), length - i, y + i);
}

// Vectors of x * factor: one factor, or a row of them (null: of ones).
struct TimesNumber {
  const float* x;
  RowVector factor;
  HWY_INLINE RowVector operator()(int64_t i, int64_t count) const {
    return hn::Mul(LoadPart(x + i, count), factor);
  }
};
struct TimesRow {
  const float* x;
  const float* factor;
  HWY_INLINE RowVector operator()(int64_t i, int64_t count) const {
    const RowVector v = LoadPart(x + i, count);
    if (factor == nullptr) return v;
    return hn::Mul(v, LoadPart(factor + i, count));
  }
};

// The bytes of what `each` makes of a row on the grid of r.
template <class Each>
HWY_INLINE void StoreBytesOfRow(const Each& each, int64_t length,
                                const Requantization& r, uint8_t* y) {
  int64_t i = 0;
  for (; i + 2 * kRowLanes <= length; i += 2 * kRowLanes) {
    const auto first = each(i, kRowLanes);
    const auto second = each(i + kRowLanes, kRowLanes);
    StoreTwo(Stepped(first, r), Stepped(second, r), r.is_signed, y + i);
  }
  for (; i < length; i += kRowLanes) {
    const int64_t count = std::min(kRowLanes, length - i);
    StoreBytes(Stepped(each(i, count), r), r.is_signed, count, y + i);
  }
}

HWY_INLINE void StoreSteps(IntVector first, IntVector second, uint8_t* out) {
  StoreTwo(first, second, false, out);
}
HWY_INLINE void StoreSteps(IntVector first, IntVector second, int16_t* out) {
#if HWY_TARGET == HWY_AVX2
  // Packs work on halves; the permutation puts the quarters in order.
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                      _mm256_permute4x64_epi64(
                          _mm256_packs_epi32(first.raw, second.raw), 0xD8));
#else
  const hn::Rebind<int16_t, IntTag> words;
  hn::StoreU(hn::DemoteTo(words, first), words, out);
  hn::StoreU(hn::DemoteTo(words, second), words, out + kIntLanes);
#endif
}

// The step of a number that is not negative, NaN as 0, without the zero point.
HWY_INLINE IntVector StepOfPositive(RealVector v, const Requantization& r) {
  const RealTag df;
#if HWY_TARGET == HWY_NEON
  v = hn::IfThenElse(hn::Eq(v, v), v, hn::Zero(df));
#else
  v = hn::Max(v, hn::Zero(df));  // the second where the first is NaN
#endif
  return RoundToInt(hn::Min(v, hn::Set(df, r.high)));
}

// The same as uint8 or int16 less the zero point; returns their sum. x and y
// have whole pairs of vectors: the rest of them becomes 0.
template <typename T>
HWY_INLINE int32_t StoreStepsOfRow(float* x, float factor, int64_t length,
                                   const Requantization& r, T* y) {
  constexpr int64_t kTwo = 2 * kRowLanes;
  const RowTag d;
  for (int64_t i = length; i % kTwo != 0; ++i) x[i] = 0;
  const auto by = hn::Set(d, factor);
  const auto step = hn::Set(d, r.step);
  auto sum = hn::Zero(IntTag());
  for (int64_t i = 0; i < length; i += kTwo) {
    const auto first = hn::Mul(hn::LoadU(d, x + i), by);
    const auto second = hn::Mul(hn::LoadU(d, x + i + kRowLanes), by);
    const auto a = StepOfPositive(hn::Div(first, step), r);
    const auto b = StepOfPositive(hn::Div(second, step), r);
    StoreSteps(a, b, y + i);
    sum = hn::Add(sum, hn::Add(a, b));
  }
  return hn::GetLane(hn::SumOfLanes(IntTag(), sum));
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_ROWS_SOFTMAX_ROW_INL_H_
