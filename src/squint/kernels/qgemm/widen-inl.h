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

// A vector of d from `in`, less the zero point.
template <class D, typename T>
HWY_INLINE void WidenVector(D d, const T* in, int16_t zero, int16_t* out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::Rebind<T, D> bytes;
  const auto wide = hn::PromoteTo(d, hn::LoadU(bytes, in));
  hn::StoreU(hn::Sub(wide, hn::Set(d, zero)), d, out);
}

// out[i] = in[i] - zero; T is uint8_t or int8_t. Rests are written by vectors
// that reach back over what was written before.
template <typename T>
HWY_INLINE void WidenBytes(const T* HWY_RESTRICT in, int64_t count,
                           int16_t zero, int16_t* HWY_RESTRICT out) {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<int16_t> d;
  constexpr int64_t kN = HWY_LANES(int16_t);
  int64_t i = 0;
  for (; i + kN <= count; i += kN) WidenVector(d, in + i, zero, out + i);
  if (i == count) return;
  if (count > kN) {
    WidenVector(d, in + count - kN, zero, out + count - kN);
    return;
  }
#if HWY_TARGET != HWY_SCALAR
  // Two vectors cover a rest of up to twice their lanes.
  const hn::CappedTag<int16_t, 16> sixteen;
  if (kN > 16 && count >= 16) {
    WidenVector(sixteen, in, zero, out);
    WidenVector(sixteen, in + count - 16, zero, out + count - 16);
    return;
  }
  const hn::FixedTag<int16_t, 8> eight;
  if (kN > 8 && count >= 8) {
    WidenVector(eight, in, zero, out);
    WidenVector(eight, in + count - 8, zero, out + count - 8);
    return;
  }
  const hn::FixedTag<int16_t, 4> four;
  if (count >= 4) {
    WidenVector(four, in, zero, out);
    WidenVector(four, in + count - 4, zero, out + count - 4);
    return;
  }
#endif
  for (; i < count; ++i) out[i] = static_cast<int16_t>(in[i] - zero);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_WIDEN_INL_H_
