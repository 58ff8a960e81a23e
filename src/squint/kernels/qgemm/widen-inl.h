// Bytes to int16 with the zero point taken off. Included once per Highway
// target.
#if defined(SQUINT_KERNELS_QGEMM_WIDEN_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_WIDEN_INL_H_
#undef SQUINT_KERNELS_QGEMM_WIDEN_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_WIDEN_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// out[i] = in[i] - zero; T is uint8_t or int8_t.
template <typename T>
HWY_INLINE void WidenBytes(const T* HWY_RESTRICT in, int64_t count,
                           int16_t zero, int16_t* HWY_RESTRICT out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<int16_t> d;
  const hn::Rebind<T, decltype(d)> bytes;
  constexpr int64_t kN = HWY_LANES(int16_t);
  const auto zeros = hn::Set(d, zero);
  int64_t i = 0;
  for (; i + kN <= count; i += kN) {
    const auto wide = hn::PromoteTo(d, hn::LoadU(bytes, in + i));
    hn::StoreU(hn::Sub(wide, zeros), d, out + i);
  }
  for (; i < count; ++i) out[i] = static_cast<int16_t>(in[i] - zero);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_WIDEN_INL_H_
