// Requantization of a vector of sums. Included once per Highway target.
#if defined(SQUINT_KERNELS_QGEMM_REQUANTIZE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_REQUANTIZE_INL_H_
#undef SQUINT_KERNELS_QGEMM_REQUANTIZE_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_REQUANTIZE_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <cstdint>

#include "squint/kernels/qgemm/requantization.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using IntTag = hn::ScalableTag<int32_t>;
using IntVector = hn::Vec<IntTag>;
using RealTag = hn::RebindToFloat<IntTag>;
using RealVector = hn::Vec<RealTag>;
constexpr int kIntLanes = HWY_LANES(int32_t);

// a * b + c, rounded once, whatever the CPU has.
HWY_INLINE RealVector FusedMultiplyAdd(RealVector a, RealVector b,
                                       RealVector c) {
#if HWY_NATIVE_FMA
  return hn::MulAdd(a, b, c);
#else
  const RealTag df;
  HWY_ALIGN float x[kIntLanes];
  HWY_ALIGN float y[kIntLanes];
  HWY_ALIGN float z[kIntLanes];
  hn::Store(a, df, x);
  hn::Store(b, df, y);
  hn::Store(c, df, z);
  for (int i = 0; i < kIntLanes; ++i) z[i] = std::fma(x[i], y[i], z[i]);
  return hn::Load(df, z);
#endif
}

// `count` bytes as reals; the vector's other lanes are 0.
template <typename T>
HWY_INLINE RealVector LoadBytes(const T* in, int64_t count) {
  const IntTag d;
  const hn::Rebind<T, IntTag> bytes;
  if (count >= kIntLanes) {
    return hn::ConvertTo(RealTag(), hn::PromoteTo(d, hn::LoadU(bytes, in)));
  }
  HWY_ALIGN T some[kIntLanes] = {};
  for (int64_t i = 0; i < count; ++i) some[i] = in[i];
  return hn::ConvertTo(RealTag(), hn::PromoteTo(d, hn::Load(bytes, some)));
}

// Element j of a row or column of parameters, or the same for all.
template <class D, typename T>
HWY_INLINE hn::Vec<D> Parameters(D d, const T* values, int64_t at, int64_t step,
                                 int64_t count) {
  if (step == 0) return hn::Set(d, values[at]);
  if (count == static_cast<int64_t>(hn::MaxLanes(d))) {
    return hn::LoadU(d, values + at);
  }
  HWY_ALIGN T some[hn::MaxLanes(d)] = {};
  for (int64_t i = 0; i < count; ++i) some[i] = values[at + i];
  return hn::Load(d, some);
}

// A row's `count` sums from `column` on with their bias, times their
// multipliers.
HWY_INLINE RealVector Scaled(IntVector sum, const Requantization& r,
                             int64_t row, int64_t column, int64_t count) {
  const IntTag d;
  const RealTag df;
  if (r.bias != nullptr) {
    const int64_t at = row * r.bias_row + column * r.bias_column;
    sum = hn::Add(sum, Parameters(d, r.bias, at, r.bias_column, count));
  }
  const int64_t at = row * r.multiplier_row + column * r.multiplier_column;
  const auto multiplier =
      Parameters(df, r.multiplier, at, r.multiplier_column, count);
  return hn::Mul(hn::ConvertTo(df, sum), multiplier);
}

// Half to even, of numbers that int32 holds: Highway's own would look for
// others.
HWY_INLINE IntVector RoundToInt(RealVector v) {
#if HWY_TARGET == HWY_AVX2
  return IntVector{_mm256_cvtps_epi32(v.raw)};
#elif HWY_TARGET == HWY_AVX3
  return IntVector{_mm512_cvtps_epi32(v.raw)};
#else
  return hn::NearestInt(v);
#endif
}

HWY_INLINE IntVector RoundedBetween(RealVector v, float low, float high) {
  const RealTag df;
  return RoundToInt(hn::Min(hn::Max(v, hn::Set(df, low)), hn::Set(df, high)));
}

// The sum of stored numbers, before it is rounded.
HWY_INLINE RealVector AddStored(RealVector own, RealVector other,
                                const ByteAddition& a) {
  const RealTag df;
  const auto x = hn::Set(df, a.own);
  const auto y = hn::Set(df, a.other);
  const auto fixed = hn::Set(df, a.fixed);
  return a.own_last
             ? FusedMultiplyAdd(x, own, FusedMultiplyAdd(y, other, fixed))
             : FusedMultiplyAdd(y, other, FusedMultiplyAdd(x, own, fixed));
}

HWY_INLINE IntVector WithAddition(IntVector q, const ByteAddition& a,
                                  int64_t row, int64_t column, int64_t count) {
  const uint8_t* at = a.added + row * a.row_stride + column;
  const auto other = a.added_is_signed
                         ? LoadBytes(reinterpret_cast<const int8_t*>(at), count)
                         : LoadBytes(at, count);
  return RoundedBetween(AddStored(hn::ConvertTo(RealTag(), q), other, a), a.low,
                        a.high);
}

// The same as the integers of the result.
HWY_INLINE IntVector Requantized(IntVector sum, const Requantization& r,
                                 int64_t row, int64_t column, int64_t count) {
  const auto v = Scaled(sum, r, row, column, count);
  const auto q =
      hn::Add(RoundedBetween(v, r.low, r.high), hn::Set(IntTag(), r.zero));
  return r.addition.added == nullptr
             ? q
             : WithAddition(q, r.addition, row, column, count);
}

HWY_INLINE void StoreBytes(IntVector q, bool is_signed, int64_t count,
                           uint8_t* out) {
  const hn::Rebind<uint8_t, IntTag> du;
  const hn::Rebind<int8_t, IntTag> di;
  const auto bytes =
      is_signed ? hn::BitCast(du, hn::DemoteTo(di, q)) : hn::DemoteTo(du, q);
  if (count == kIntLanes) {
    hn::StoreU(bytes, du, out);
    return;
  }
  HWY_ALIGN uint8_t some[kIntLanes];
  hn::Store(bytes, du, some);
  for (int64_t i = 0; i < count; ++i) out[i] = some[i];
}

HWY_INLINE void StoreReals(RealVector v, int64_t count, float* out) {
  const RealTag df;
  if (count == kIntLanes) {
    hn::StoreU(v, df, out);
    return;
  }
  HWY_ALIGN float some[kIntLanes];
  hn::Store(v, df, some);
  for (int64_t i = 0; i < count; ++i) out[i] = some[i];
}

// A real result.
HWY_INLINE RealVector RealOf(IntVector sum, const Requantization& r,
                             int64_t row, int64_t column, int64_t count) {
  const auto real = Scaled(sum, r, row, column, count);
  if (r.added == nullptr) return real;
  return hn::Add(real, Parameters(RealTag(), r.added, column, 1, count));
}

HWY_INLINE void StoreRequantized(IntVector sum, const Requantization& r,
                                 int64_t row, int64_t column, int64_t count,
                                 uint8_t* out) {
  if (r.is_real) {
    StoreReals(RealOf(sum, r, row, column, count), count,
               reinterpret_cast<float*>(out));
  } else {
    StoreBytes(Requantized(sum, r, row, column, count), r.stored_is_signed(),
               count, out);
  }
}

// Two vectors of neighbouring results, of whole bytes.
HWY_INLINE void StoreTwo(IntVector first, IntVector second, bool is_signed,
                         uint8_t* out) {
#if HWY_TARGET == HWY_AVX2
  // Packs work on halves; the permutation puts the quarters in order.
  const auto words =
      _mm256_permute4x64_epi64(_mm256_packs_epi32(first.raw, second.raw), 0xD8);
  const __m128i lower = _mm256_castsi256_si128(words);
  const __m128i upper = _mm256_extracti128_si256(words, 1);
  const __m128i bytes = is_signed ? _mm_packs_epi16(lower, upper)
                                  : _mm_packus_epi16(lower, upper);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
#else
  StoreBytes(first, is_signed, kIntLanes, out);
  StoreBytes(second, is_signed, kIntLanes, out + kIntLanes);
#endif
}

// Two vectors of neighbouring sums whose parameters are those of the row, to
// bytes: the usual way out of a channels-first convolution.
HWY_INLINE void StoreRowBytes(IntVector first, IntVector second,
                              const Requantization& r, int64_t row,
                              uint8_t* out) {
  const IntTag d;
  const RealTag df;
  const auto bias =
      hn::Set(d, r.bias != nullptr ? r.bias[row * r.bias_row] : 0);
  const auto multiplier = hn::Set(df, r.multiplier[row * r.multiplier_row]);
  const auto zero = hn::Set(d, r.zero);
  const auto finish = [&](IntVector sum) {
    const auto v = hn::Mul(hn::ConvertTo(df, hn::Add(sum, bias)), multiplier);
    return hn::Add(RoundedBetween(v, r.low, r.high), zero);
  };
  StoreTwo(finish(first), finish(second), r.is_signed, out);
}

// What the columns of a tile share, read once for all of its rows: a bias and a
// multiplier of each. kClamps: not by packing.
template <bool kAdds, bool kClamps>
class ColumnStore {
 public:
  // For the columns from `column` on; see HasColumnStore.
  ColumnStore(const Requantization& r, int64_t column)
      : bias_(r.bias + column),
        multiplier_(r.multiplier + column),
        addition_(r.addition),
        added_(r.addition.added + (kAdds ? column : 0)),
        low_(hn::Set(RealTag(), r.low)),
        high_(hn::Set(RealTag(), r.high)),
        zero_(r.zero),
        is_signed_(r.stored_is_signed()) {}

  // Two neighbouring vectors, `at` columns further.
  HWY_INLINE void Store(IntVector first, IntVector second, int64_t row,
                        int64_t at, uint8_t* out) const {
    StoreTwo(Stored(first, row, at), Stored(second, row, at + kIntLanes),
             is_signed_, out);
  }

#if HWY_TARGET == HWY_AVX2
  // Two vectors of `row` and of the row below it, `stride` bytes further.
  HWY_INLINE void StoreRows(IntVector a, IntVector b, IntVector c, IntVector d,
                            int64_t row, int64_t at, uint8_t* out,
                            int64_t stride) const {
    const auto upper =
        Words(Rounded(a, row, at), Rounded(b, row, at + kIntLanes));
    const auto lower =
        Words(Rounded(c, row + 1, at), Rounded(d, row + 1, at + kIntLanes));
    // Packs work on halves; the permutation puts the quarters in order.
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i bytes = _mm256_permutevar8x32_epi32(
        is_signed_ ? _mm256_packs_epi16(upper, lower)
                   : _mm256_packus_epi16(upper, lower),
        order);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm256_castsi256_si128(bytes));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + stride),
                     _mm256_extracti128_si256(bytes, 1));
  }
#endif

 private:
  // Rounded, but for the zero point, unless something is added.
  HWY_INLINE IntVector Rounded(IntVector sum, int64_t row, int64_t at) const {
    const IntTag d;
    const RealTag df;
    auto v = hn::Mul(hn::ConvertTo(df, hn::Add(sum, hn::LoadU(d, bias_ + at))),
                     hn::LoadU(df, multiplier_ + at));
    if constexpr (kClamps || kAdds) v = hn::Min(hn::Max(v, low_), high_);
    const IntVector q = RoundToInt(v);
    if constexpr (!kAdds) return q;
    const uint8_t* from = added_ + row * addition_.row_stride + at;
    const auto other =
        addition_.added_is_signed
            ? LoadBytes(reinterpret_cast<const int8_t*>(from), kIntLanes)
            : LoadBytes(from, kIntLanes);
    const auto own = hn::ConvertTo(df, hn::Add(q, hn::Set(d, zero_)));
    return RoundedBetween(AddStored(own, other, addition_), addition_.low,
                          addition_.high);
  }
  HWY_INLINE IntVector Stored(IntVector sum, int64_t row, int64_t at) const {
    const auto q = Rounded(sum, row, at);
    return kAdds ? q : hn::Add(q, hn::Set(IntTag(), zero_));
  }
#if HWY_TARGET == HWY_AVX2
  HWY_INLINE __m256i Words(IntVector a, IntVector b) const {
    const __m256i words = _mm256_packs_epi32(a.raw, b.raw);
    return kAdds ? words
                 : _mm256_adds_epi16(
                       words, _mm256_set1_epi16(static_cast<int16_t>(zero_)));
  }
#endif

  const int32_t* bias_;
  const float* multiplier_;
  const ByteAddition& addition_;
  const uint8_t* added_;
  RealVector low_;
  RealVector high_;
  int32_t zero_;
  bool is_signed_;
};

inline bool HasColumnStore(const Requantization& r) {
  return !r.is_real && r.bias != nullptr && r.bias_row == 0 &&
         r.bias_column == 1 && r.multiplier_row == 0 &&
         r.multiplier_column == 1;
}

// One row with any parameters.
HWY_INLINE void StoreColumnBytes(IntVector first, IntVector second,
                                 const Requantization& r, int64_t row,
                                 int64_t column, uint8_t* out) {
  StoreTwo(Requantized(first, r, row, column, kIntLanes),
           Requantized(second, r, row, column + kIntLanes, kIntLanes),
           r.stored_is_signed(), out);
}

HWY_INLINE void StoreColumnReals(IntVector first, IntVector second,
                                 const Requantization& r, int64_t row,
                                 int64_t column, uint8_t* out) {
  auto* reals = reinterpret_cast<float*>(out);
  StoreReals(RealOf(first, r, row, column, kIntLanes), kIntLanes, reals);
  StoreReals(RealOf(second, r, row, column + kIntLanes, kIntLanes), kIntLanes,
             reals + kIntLanes);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_REQUANTIZE_INL_H_
