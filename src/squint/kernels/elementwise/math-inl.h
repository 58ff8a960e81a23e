// exp, tanh, erf and the logistic function on vectors of float32, accurate to
// about 2e-7 relative. Included once per Highway target.
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

// c[0] + x c[1] + x^2 c[2] ... by Horner's rule.
template <class D, class V, size_t kCount>
HWY_INLINE V Polynomial(D d, V x, const float (&c)[kCount]) {
  V sum = hn::Set(d, c[kCount - 1]);
  for (size_t i = kCount - 1; i-- > 0;) {
    sum = hn::MulAdd(sum, x, hn::Set(d, c[i]));
  }
  return sum;
}

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
  constexpr float kSeries[] = {0.5f,           1.66666655e-1f, 4.16657959e-2f,
                               8.33345191e-3f, 1.39819995e-3f, 1.98756915e-4f};
  const V rest = hn::MulAdd(hn::Mul(r, r), Polynomial(d, r, kSeries), r);
  const V power = hn::Add(rest, hn::Set(d, 1.0f));
  const auto half = hn::ShiftRight<1>(n);
  const auto bias = hn::Set(di, 127);
  const auto scale1 = hn::ShiftLeft<23>(hn::Add(half, bias));
  const auto scale2 = hn::ShiftLeft<23>(hn::Add(hn::Sub(n, half), bias));
  const V y =
      hn::Mul(hn::Mul(power, hn::BitCast(d, scale1)), hn::BitCast(d, scale2));
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

template <class D, class V>
HWY_INLINE V Logistic(D d, V x) {
  const V one = hn::Set(d, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(d, hn::Neg(x))));
}

// Odd polynomial up to 0.625, beyond it 1 - 2 / (e^2x + 1), which cancels
// nothing there.
template <class D, class V>
HWY_INLINE V Tanh(D d, V x) {
  constexpr float kSeries[] = {-3.33332819e-1f, 1.33314422e-1f, -5.37397155e-2f,
                               2.06390888e-2f, -5.70498872e-3f};
  const V one = hn::Set(d, 1.0f);
  const V magnitude = hn::Abs(x);
  const V square = hn::Mul(x, x);
  const V small =
      hn::MulAdd(hn::Mul(x, square), Polynomial(d, square, kSeries), x);
  const V e = Exp(d, hn::Add(magnitude, magnitude));
  const V large = hn::Sub(one, hn::Div(hn::Set(d, 2.0f), hn::Add(e, one)));
  return hn::IfThenElse(hn::Lt(magnitude, hn::Set(d, 0.625f)), small,
                        hn::CopySign(large, x));
}

// Up to 1 an odd polynomial, beyond it 1 - exp(-P(|x|)) with P fitted to
// -log(erfc) on [1, 4] (minimax by reweighted least squares); from 4 on
// float32 has nothing below 1.
template <class D, class V>
HWY_INLINE V Erf(D d, V x) {
  constexpr float kSmall[] = {1.12837911e+0f,  -3.76126260e-1f, 1.12836003e-1f,
                              -2.68544443e-2f, 5.18953474e-3f,  -8.02083756e-4f,
                              7.88910766e-5f};
  constexpr float kLarge[] = {-1.57588132e-4f, 1.12943566e+0f,  6.33501828e-1f,
                              1.08114995e-1f,  -2.50158589e-2f, 4.13284125e-3f,
                              -4.26783547e-4f, 2.04474491e-5f};
  const V one = hn::Set(d, 1.0f);
  const V magnitude = hn::Abs(x);
  const V small = hn::Mul(x, Polynomial(d, hn::Mul(x, x), kSmall));
  const V bounded = ClampKeepNaN(magnitude, hn::Zero(d), hn::Set(d, 4.0f));
  const V exponent = hn::Neg(Polynomial(d, bounded, kLarge));
  const V large = hn::CopySign(hn::Sub(one, Exp(d, exponent)), x);
  return hn::IfThenElse(hn::Lt(magnitude, one), small, large);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_ELEMENTWISE_MATH_INL_H_
