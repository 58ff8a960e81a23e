// min(max(x, low), high) that keeps NaN, on every instruction set. Included
// once per Highway target.
#if defined(SQUINT_KERNELS_CLAMP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_CLAMP_INL_H_
#undef SQUINT_KERNELS_CLAMP_INL_H_
#else
#define SQUINT_KERNELS_CLAMP_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

template <class V>
HWY_INLINE V ClampKeepNaN(V x, V low, V high) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128
  // maxps and minps return their second operand when either is NaN.
  return hwy::HWY_NAMESPACE::Min(high, hwy::HWY_NAMESPACE::Max(low, x));
#else
  namespace hn = hwy::HWY_NAMESPACE;
  x = hn::IfThenElse(hn::Lt(x, low), low, x);
  return hn::IfThenElse(hn::Gt(x, high), high, x);
#endif
}

inline float ClampScalarKeepNaN(float x, float low, float high) {
  if (x < low) x = low;
  return x > high ? high : x;
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_CLAMP_INL_H_
