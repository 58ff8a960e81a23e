// A say in what lies in registers. Included once per Highway target.
#if defined(SQUINT_KERNELS_PIN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_PIN_INL_H_
#undef SQUINT_KERNELS_PIN_INL_H_
#else
#define SQUINT_KERNELS_PIN_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// v is computed here and in a register from here on. Left to itself, GCC hoists
// all weights of a window, which are more than there are registers, multiplies
// all taps for one row of the result, and stores the products for the other.
template <class V>
HWY_INLINE void Pin([[maybe_unused]] V& v) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128 && \
    defined(__GNUC__)
  asm volatile("" : "+v"(v.raw));
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_PIN_INL_H_
