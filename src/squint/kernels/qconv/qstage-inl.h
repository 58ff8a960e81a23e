// A plane of bytes in its staged form (conv/window.h), widened to int16 with
// its zero point taken off: the border is 0. Included once per Highway
// target.
#if defined(SQUINT_KERNELS_QCONV_QSTAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QCONV_QSTAGE_INL_H_
#undef SQUINT_KERNELS_QCONV_QSTAGE_INL_H_
#else
#define SQUINT_KERNELS_QCONV_QSTAGE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "squint/kernels/conv/stage-inl.h"
#include "squint/kernels/qgemm/widen-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// out[i] = in[2 i] - zero; `in` may be read to its element 2 count - 2 only.
template <typename T>
HWY_INLINE void WidenEveryOther(const T* HWY_RESTRICT in, int64_t count,
                                int16_t zero, int16_t* HWY_RESTRICT out) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::ScalableTag<int16_t> d;
  constexpr int64_t kN = HWY_LANES(int16_t);
  const auto zeros = hn::Set(d, zero);
  for (; i + kN < count; i += kN) {
    // The low byte of each pair, as the type has it.
    const auto pairs =
        hn::LoadU(d, reinterpret_cast<const int16_t*>(in + 2 * i));
    const auto low = hn::ShiftLeft<8>(pairs);
    const auto even =
        std::is_signed_v<T>
            ? hn::ShiftRight<8>(low)
            : hn::And(pairs, hn::Set(d, static_cast<int16_t>(0xFF)));
    hn::StoreU(hn::Sub(even, zeros), d, out + i);
  }
#endif
  for (; i < count; ++i) out[i] = static_cast<int16_t>(in[2 * i] - zero);
}

template <typename T>
HWY_INLINE void StageByteRow(const PhaseRun& run, int64_t stride,
                             int64_t columns, const T* row, int16_t zero,
                             int16_t* out) {
  std::fill_n(out, run.column, int16_t{0});
  int16_t* target = out + run.column;
  if (stride == 1) {
    WidenBytes(row + run.source, run.count, zero, target);
  } else if (stride == 2) {
    WidenEveryOther(row + run.source, run.count, zero, target);
  } else {
    for (int64_t i = 0; i < run.count; ++i) {
      target[i] = static_cast<int16_t>(row[run.source + i * stride] - zero);
    }
  }
  std::fill(target + run.count, out + columns, int16_t{0});
}

template <typename T>
void StageBytes(const PlaneWindow& w, const StagedPlane& staged, const T* plane,
                int32_t zero, int16_t* out) {
  for (int64_t phase_h = 0; phase_h < staged.phases_h; ++phase_h) {
    for (int64_t phase_w = 0; phase_w < staged.phases_w; ++phase_w) {
      const PhaseRun run(w, staged, phase_w);
      int64_t y = phase_h - w.pad_top;
      for (int64_t r = 0; r < staged.rows; ++r, y += w.stride_h) {
        if (y < 0 || y >= w.in_h) {
          std::fill_n(out, staged.columns, int16_t{0});
        } else {
          StageByteRow(run, w.stride_w, staged.columns, plane + y * w.in_w,
                       static_cast<int16_t>(zero), out);
        }
        out += staged.columns;
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QCONV_QSTAGE_INL_H_
