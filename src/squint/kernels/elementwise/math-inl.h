// exp, tanh, erf and the logistic function on vectors of float32, accurate to
// about 4e-7 relative. Included once per Highway target.
#if defined(SQUINT_KERNELS_ELEMENTWISE_MATH_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_ELEMENTWISE_MATH_INL_H_
#undef SQUINT_KERNELS_ELEMENTWISE_MATH_INL_H_
#else
#define SQUINT_KERNELS_ELEMENTWISE_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include "squint/kernels/clamp-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// c[0] + x c[1] + x^2 c[2] ... of kCount <= 8 terms from kFirst on, halves of
// which are summed by themselves (Estrin's scheme): how long one step waits for
// another, not how many there are, is what these functions take.
template <size_t kFirst, size_t kCount, class D, class V, size_t kAll>
HWY_INLINE V Terms(D d, V x, V x2, V x4, const float (&c)[kAll]) {
  if constexpr (kCount == 1) {
    return hn::Set(d, c[kFirst]);
  } else {
    constexpr size_t kHalf = kCount > 4 ? 4 : kCount > 2 ? 2 : 1;
    const V by = kHalf == 4 ? x4 : kHalf == 2 ? x2 : x;
    return hn::MulAdd(Terms<kFirst + kHalf, kCount - kHalf>(d, x, x2, x4, c),
                      by, Terms<kFirst, kHalf>(d, x, x2, x4, c));
  }
}
template <class D, class V, size_t kCount>
HWY_INLINE V Polynomial(D d, V x, const float (&c)[kCount]) {
  static_assert(kCount <= 8);
  const V x2 = hn::Mul(x, x);
  const V x4 = hn::Mul(x2, x2);
  return Terms<0, kCount>(d, x, x2, x4, c);
}

// e^r = 1 + r + r^2 times this, for |r| <= ln 2 / 2.
constexpr float kExpSeries[] = {0.5f,           1.66666655e-1f, 4.16657959e-2f,
                                8.33345191e-3f, 1.39819995e-3f, 1.98756915e-4f};

// x = n ln 2 + r with |r| <= ln 2 / 2, e^x = 2^n e^r. The scale 2^n is applied
// in two halves, so that results down to the denormals and up to infinity
// come out right. The two parts of ln 2 make n ln 2 exact without fma.
template <class D, class V>
HWY_INLINE V Exp(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V bounded = ClampKeepNaN(x, hn::Set(d, -104.0f), hn::Set(d, 89.0f));
  const V safe = hn::IfThenElse(hn::Eq(bounded, bounded), bounded, hn::Zero(d));
  const auto n = hn::NearestInt(hn::Mul(safe, hn::Set(d, 1.44269504f)));
  const V whole = hn::ConvertTo(d, n);
  V r = hn::NegMulAdd(whole, hn::Set(d, 0.693359375f), safe);
  r = hn::NegMulAdd(whole, hn::Set(d, -2.12194440e-4f), r);
  const V rest = hn::MulAdd(hn::Mul(r, r), Polynomial(d, r, kExpSeries), r);
  const V power = hn::Add(rest, hn::Set(d, 1.0f));
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, 127);
  const auto scale1 = hn::ShiftLeft<23>(hn::Add(half, bias));
  const auto scale2 = hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias));
  const V y =
      hn::Mul(hn::Mul(power, hn::BitCast(d, scale1)), hn::BitCast(d, scale2));
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

// The same for x from -87 to 80, where 2^n is a plain number: n is rounded by
// adding 1.5 * 2^23, whose sum has n + 127 in its lowest bits.
template <class D, class V>
HWY_INLINE V ExpOfModest(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V shift = hn::Set(d, 12582912.0f + 127.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), shift);
  const V whole = hn::Sub(shifted, shift);
  V r = hn::NegMulAdd(whole, hn::Set(d, 0.693359375f), x);
  r = hn::NegMulAdd(whole, hn::Set(d, -2.12194440e-4f), r);
  const V rest = hn::MulAdd(hn::Mul(r, r), Polynomial(d, r, kExpSeries), r);
  const V power = hn::Add(rest, hn::Set(d, 1.0f));
  const auto scale = hn::ShiftLeft<23>(hn::BitCast(di, shifted));
  return hn::Mul(power, hn::BitCast(d, scale));
}

// e^x for x <= 0; 0 where that is no normal number.
template <class D, class V>
HWY_INLINE V ExpOfNegative(D d, V x) {
  const V least = hn::Set(d, -87.0f);
  const auto is_less = hn::Lt(x, least);
  return hn::IfThenZeroElse(is_less,
                            ExpOfModest(d, hn::IfThenElse(is_less, least, x)));
}

// 1 / (1 + e^-x), below zero e^x / (1 + e^x): 0 where that is no normal number.
template <class D, class V>
HWY_INLINE V Logistic(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  const V e = ExpOfNegative(d, hn::Neg(hn::Abs(x)));
  const V part = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), e, one);
  return hn::Div(part, hn::Add(one, e));
}

// An odd function that is all but 1 from some x on, as x P(x^2) / Q(x^2).
// Numerator and denominator have positive coefficients, so that nothing is
// cancelled; from x^2 = `end` on, where the quotient is above 1 by more than it
// is rounded, it is 1.
template <size_t kTerms>
struct OddQuotient {
  float p[kTerms];
  float q[kTerms];
  float end;
};
template <class D, class V, size_t kTerms>
HWY_INLINE V Quotient(D d, V x, const OddQuotient<kTerms>& f) {
  const V one = hn::Set(d, 1.0f);
  const V square = hn::Min(hn::Mul(x, x), hn::Set(d, f.end));
  const V y = hn::Div(hn::Mul(x, Polynomial(d, square, f.p)),
                      Polynomial(d, square, f.q));
  return ClampKeepNaN(y, hn::Neg(one), one);
}

// Minimax of the relative error by reweighted least squares: 1.3e-8 up to 8.6,
// 6e-7 above 1 at 9.3.
template <class D, class V>
HWY_INLINE V Tanh(D d, V x) {
  constexpr OddQuotient<5> kTanh = {.p = {1.0f, 1.34068683e-1f, 3.52639332e-3f,
                                          2.11222468e-5f, 1.40822891e-8f},
                                    .q = {1.0f, 4.67401892e-1f, 2.59938687e-2f,
                                          3.33625678e-4f, 8.07056153e-7f},
                                    .end = 9.3f * 9.3f};
  return Quotient(d, x, kTanh);
}

// The same: 1.4e-8 up to 3.85, 7e-7 above 1 at 4.05.
template <class D, class V>
HWY_INLINE V Erf(D d, V x) {
  constexpr OddQuotient<6> kErf = {
      .p = {1.12837911f, 1.87898815e-1f, 5.24798371e-2f, 3.67397303e-3f,
            2.85674876e-4f, 2.10826101e-6f},
      .q = {1.0f, 4.99853849e-1f, 1.13129407e-1f, 1.47849787e-2f,
            1.14550954e-3f, 3.87317232e-5f},
      .end = 4.05f * 4.05f};
  return Quotient(d, x, kErf);
}

// x Phi(x), and its approximation with tanh.
template <class D, class V>
HWY_INLINE V Gelu(D d, V x) {
  const V half = hn::Mul(x, hn::Set(d, 0.5f));
  return hn::MulAdd(half, Erf(d, hn::Mul(x, hn::Set(d, 0.70710678f))), half);
}
template <class D, class V>
HWY_INLINE V GeluByTanh(D d, V x) {
  const V cubic =
      hn::MulAdd(hn::Mul(x, x), hn::Set(d, 0.044715f), hn::Set(d, 1.0f));
  const V inner = hn::Mul(hn::Mul(x, hn::Set(d, 0.79788456f)), cubic);
  const V half = hn::Mul(x, hn::Set(d, 0.5f));
  return hn::MulAdd(half, Tanh(d, inner), half);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_ELEMENTWISE_MATH_INL_H_
