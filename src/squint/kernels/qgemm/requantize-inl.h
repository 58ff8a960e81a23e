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

#include "squint/kernels/elementwise/math-inl.h"
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

#if HWY_TARGET == HWY_AVX3
// Of vectors half as long.
HWY_INLINE hn::Vec<hn::FixedTag<int32_t, 8>> RoundToInt(
    hn::Vec<hn::FixedTag<float, 8>> v) {
  return hn::Vec<hn::FixedTag<int32_t, 8>>{_mm256_cvtps_epi32(v.raw)};
}
#endif

template <class Reals>
HWY_INLINE auto RoundedBetween(Reals v, float low, float high) {
  const hn::DFromV<Reals> df;
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

// A real result before its function.
HWY_INLINE RealVector RealBefore(IntVector sum, const Requantization& r,
                                 int64_t row, int64_t column, int64_t count) {
  const auto real = Scaled(sum, r, row, column, count);
  if (r.added == nullptr) return real;
  return hn::Add(real, Parameters(RealTag(), r.added, column, 1, count));
}

HWY_INLINE RealVector Applied(RealFunction function, RealVector v) {
  switch (function) {
    case RealFunction::kGelu:
      return Gelu(RealTag(), v);
    case RealFunction::kGeluByTanh:
      return GeluByTanh(RealTag(), v);
    default:
      return v;
  }
}

HWY_INLINE RealVector RealOf(IntVector sum, const Requantization& r,
                             int64_t row, int64_t column, int64_t count) {
  const auto real = Applied(r.function, RealBefore(sum, r, row, column, count));
  if (r.factor == nullptr) return real;
  return hn::Mul(real, Parameters(RealTag(), r.factor, column, 1, count));
}

// A real result as a step of r.step.
HWY_INLINE IntVector Stepped(RealVector real, const Requantization& r) {
  const RealTag df;
  const auto v = hn::Div(real, hn::Set(df, r.step));
  const auto number = hn::IfThenElse(hn::Eq(v, v), v, hn::Zero(df));
  return hn::Add(RoundedBetween(number, r.low, r.high),
                 hn::Set(IntTag(), r.zero));
}

HWY_INLINE void StoreRequantized(IntVector sum, const Requantization& r,
                                 int64_t row, int64_t column, int64_t count,
                                 uint8_t* out) {
  if (r.is_real && r.step != 0) {
    StoreBytes(Stepped(RealOf(sum, r, row, column, count), r), r.is_signed,
               count, out);
  } else if (r.is_real) {
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
#elif HWY_TARGET == HWY_AVX3
  // As above, by quarters: four bytes of each vector in every one.
  const __m512i words = _mm512_packs_epi32(first.raw, second.raw);
  const __m512i bytes = is_signed ? _mm512_packs_epi16(words, words)
                                  : _mm512_packus_epi16(words, words);
  const __m512i order =
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 4, 8, 12, 1, 5, 9, 13);
  _mm256_storeu_si256(
      reinterpret_cast<__m256i*>(out),
      _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, bytes)));
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

// Two vectors of real results, or of their steps.
HWY_INLINE void StoreRealVectors(RealVector a, RealVector b,
                                 const Requantization& r, uint8_t* out) {
  if (r.step != 0) {
    return StoreTwo(Stepped(a, r), Stepped(b, r), r.is_signed, out);
  }
  auto* reals = reinterpret_cast<float*>(out);
  StoreReals(a, kIntLanes, reals);
  StoreReals(b, kIntLanes, reals + kIntLanes);
}
HWY_INLINE void StoreColumnReals(IntVector first, IntVector second,
                                 const Requantization& r, int64_t row,
                                 int64_t column, uint8_t* out) {
  StoreRealVectors(RealOf(first, r, row, column, kIntLanes),
                   RealOf(second, r, row, column + kIntLanes, kIntLanes), r,
                   out);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_REQUANTIZE_INL_H_
