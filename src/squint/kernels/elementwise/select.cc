#include "squint/kernels/elementwise/select.h"

#include <algorithm>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/elementwise/select.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using One = hn::CappedTag<float, 1>;

// Calls f(tag, i) for vectors of the range and then for single numbers.
template <typename F>
HWY_INLINE void ForEachVector(int64_t begin, int64_t end, const F& f) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = begin;
  for (; i + lanes <= end; i += lanes) f(d, i);
  for (; i < end; ++i) f(One(), i);
}

// Begins at a multiple of 64.
void SelectRange(int64_t begin, int64_t end, const uint64_t* bits,
                 const float* a, const float* b, float low, float high,
                 float* out) {
  ForEachVector(begin, end, [&](auto d, int64_t i) {
    const hn::RebindToUnsigned<decltype(d)> du;
    const auto word = static_cast<uint32_t>(bits[i / 64] >> (i % 64));
    const auto lane = hn::Shl(hn::Set(du, 1u), hn::Iota(du, 0u));
    const auto first = hn::TestBit(hn::Set(du, word), lane);
    const auto limited = hn::Min(hn::Max(hn::LoadU(d, b + i), hn::Set(d, low)),
                                 hn::Set(d, high));
    hn::StoreU(
        hn::IfThenElse(hn::RebindMask(d, first), hn::LoadU(d, a + i), limited),
        d, out + i);
  });
}

void InsideRange(int64_t begin, int64_t end, const float* x, float low,
                 float high, const float* g, float* out) {
  ForEachVector(begin, end, [&](auto d, int64_t i) {
    const auto v = hn::LoadU(d, x + i);
    const auto inside =
        hn::And(hn::Ge(v, hn::Set(d, low)), hn::Le(v, hn::Set(d, high)));
    hn::StoreU(hn::IfThenElseZero(inside, hn::LoadU(d, g + i)), d, out + i);
  });
}

void DifferenceRange(int64_t begin, int64_t end, float factor, const float* a,
                     const float* b, float* out) {
  ForEachVector(begin, end, [&](auto d, int64_t i) {
    const auto difference = hn::Sub(hn::LoadU(d, a + i), hn::LoadU(d, b + i));
    hn::StoreU(hn::Mul(hn::Set(d, factor), difference), d, out + i);
  });
}

using Words = hn::CappedTag<uint32_t, 16>;

HWY_INLINE hn::Vec<Words> WordsAt(const uint32_t* x, int64_t step, int64_t i) {
  return step == 0 ? hn::Set(Words(), *x) : hn::LoadU(Words(), x + i);
}

void ChooseWords(const ChoiceOfRow& r) {
  const Words d;
  const hn::Rebind<uint8_t, Words> bytes;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= r.length; i += lanes) {
    const auto choice = r.choice_step == 0 ? hn::Set(bytes, *r.choice)
                                           : hn::LoadU(bytes, r.choice + i);
    const auto is_b = hn::Eq(hn::PromoteTo(d, choice), hn::Zero(d));
    hn::StoreU(hn::IfThenElse(is_b, WordsAt(r.b, r.b_step, i),
                              WordsAt(r.a, r.a_step, i)),
               d, r.out + i);
  }
  for (; i < r.length; ++i) {
    r.out[i] = r.choice[i * r.choice_step] != 0 ? r.a[i * r.a_step]
                                                : r.b[i * r.b_step];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

constexpr size_t kGrain = 16384;  // numbers of one piece of work, 64 | kGrain

template <typename F>
void InPieces(int64_t count, ThreadPool& pool, const F& f) {
  pool.ParallelFor(static_cast<size_t>(count), kGrain,
                   [&](size_t begin, size_t end) {
                     f(static_cast<int64_t>(begin), static_cast<int64_t>(end));
                   });
}

}  // namespace

HWY_EXPORT(SelectRange);
HWY_EXPORT(InsideRange);
HWY_EXPORT(DifferenceRange);
HWY_EXPORT(ChooseWords);

void SelectByBits(int64_t count, const uint64_t* bits, const float* a,
                  const float* b, float low, float high, float* out,
                  ThreadPool& pool) {
  const auto range = HWY_DYNAMIC_DISPATCH(SelectRange);
  InPieces(count, pool, [&](int64_t begin, int64_t end) {
    range(begin, end, bits, a, b, low, high, out);
  });
}

void SelectInside(int64_t count, const float* x, float low, float high,
                  const float* g, float* out, ThreadPool& pool) {
  const auto range = HWY_DYNAMIC_DISPATCH(InsideRange);
  InPieces(count, pool, [&](int64_t begin, int64_t end) {
    range(begin, end, x, low, high, g, out);
  });
}

void ScaledDifference(int64_t count, float factor, const float* a,
                      const float* b, float* out, ThreadPool& pool) {
  const auto range = HWY_DYNAMIC_DISPATCH(DifferenceRange);
  InPieces(count, pool, [&](int64_t begin, int64_t end) {
    range(begin, end, factor, a, b, out);
  });
}

void ChooseRow(const ChoiceOfRow& row) {
  HWY_DYNAMIC_DISPATCH(ChooseWords)(row);
}

}  // namespace squint
#endif  // HWY_ONCE
