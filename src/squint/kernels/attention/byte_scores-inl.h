// Scores of 8 bits on their way to softmax. Included once per Highway target.
#if defined(SQUINT_KERNELS_ATTENTION_BYTE_SCORES_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_ATTENTION_BYTE_SCORES_INL_H_
#undef SQUINT_KERNELS_ATTENTION_BYTE_SCORES_INL_H_
#else
#define SQUINT_KERNELS_ATTENTION_BYTE_SCORES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "squint/kernels/attention/attention.h"
#include "squint/kernels/qgemm/requantize-inl.h"
#include "squint/kernels/rows/row_fold-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

HWY_INLINE RealVector LoadAnyBytes(const uint8_t* in, bool is_signed,
                                   int64_t count) {
  return is_signed ? LoadBytes(reinterpret_cast<const int8_t*>(in), count)
                   : LoadBytes(in, count);
}

// Without fused multiply-adds what stands for them is long: one copy then.
#undef SQUINT_SCORES_INLINE
#if HWY_NATIVE_FMA
#define SQUINT_SCORES_INLINE HWY_INLINE
#else
#define SQUINT_SCORES_INLINE HWY_NOINLINE
#endif

template <bool kLine, bool kAdds>
struct RealOfBytes {
  const ByteScores& s;
  const uint8_t* scores;
  const uint8_t* added;

  SQUINT_SCORES_INLINE RowVector operator()(int64_t i, int64_t count) const {
    const RealTag df;
    auto q = LoadAnyBytes(scores + i, s.is_signed, count);
    if constexpr (kLine) {
      q = hn::ConvertTo(
          df, RoundedBetween(hn::MulAdd(hn::Set(df, s.line->slope), q,
                                        hn::Set(df, s.line->intercept)),
                             s.line->low, s.line->high));
    }
    if constexpr (kAdds) {
      const ByteAddition& a = s.addition;
      const auto other = LoadAnyBytes(added + i, a.added_is_signed, count);
      q = hn::ConvertTo(df,
                        RoundedBetween(s.scores_first ? AddStored(q, other, a)
                                                      : AddStored(other, q, a),
                                       a.low, a.high));
    }
    return hn::Mul(hn::Sub(q, hn::Set(df, static_cast<float>(s.grid.zero))),
                   hn::Set(df, s.grid.scale));
  }
};

template <bool kLine>
HWY_INLINE float RealScoresBy(const ByteScores& s, const uint8_t* scores,
                              const uint8_t* added, int64_t length, float* y) {
  if (added == nullptr) {
    return KeepLargest(RealOfBytes<kLine, false>{s, scores, added}, length, y);
  }
  return KeepLargest(RealOfBytes<kLine, true>{s, scores, added}, length, y);
}

// y = the real scores; returns the largest. `added` may be null.
HWY_INLINE float RealScores(const ByteScores& s, const uint8_t* scores,
                            const uint8_t* added, int64_t length, float* y) {
  return s.line ? RealScoresBy<true>(s, scores, added, length, y)
                : RealScoresBy<false>(s, scores, added, length, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_ATTENTION_BYTE_SCORES_INL_H_
