// A panel of B for the tile of qtile-inl.h: bytes widened to int16, the zero
// points taken off. Included once per Highway target.
#if defined(SQUINT_KERNELS_QGEMM_WIDEN_PANEL_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_WIDEN_PANEL_INL_H_
#undef SQUINT_KERNELS_QGEMM_WIDEN_PANEL_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_WIDEN_PANEL_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "squint/kernels/qgemm/qgemm.h"
#include "squint/kernels/qgemm/qtile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// The steps of k from `begin` on, of `columns` columns that begin at `in`.
template <typename T>
HWY_INLINE void WidenSteps(int64_t begin, int64_t k, int64_t columns,
                           const T* in, const ByteView& b, const int32_t* zeros,
                           int16_t* out) {
  for (int64_t p = begin; p < 2 * PairsOf(k); ++p) {
    int16_t* target = out + p / 2 * 2 * kQNr + p % 2;
    for (int64_t j = 0; j < kQNr; ++j) {
      int32_t value = 0;
      if (p < k && j < columns) {
        value =
            in[p * b.row_stride + j * b.column_stride] - zeros[j * b.zero_step];
      }
      target[2 * j] = static_cast<int16_t>(value);
    }
  }
}

// Whole panels with one zero point, rows contiguous: two rows at a time.
// Returns how many steps are done.
template <typename T>
HWY_INLINE int64_t WidenRowsOfPanel([[maybe_unused]] int64_t k,
                                    [[maybe_unused]] const T* in,
                                    [[maybe_unused]] int64_t row_stride,
                                    [[maybe_unused]] int16_t zero,
                                    [[maybe_unused]] int16_t* out) {
#if HWY_TARGET == HWY_SCALAR
  return 0;
#else
  const hn::FixedTag<int16_t, 8> d;
  const hn::Rebind<T, decltype(d)> bytes;
  static_assert(kQNr % 8 == 0);
  const auto by = hn::Set(d, zero);
  int64_t p = 0;
  for (; p + 2 <= k; p += 2, in += 2 * row_stride) {
    for (int64_t j = 0; j < kQNr; j += 8, out += 16) {
      const auto even = hn::Sub(hn::PromoteTo(d, hn::LoadU(bytes, in + j)), by);
      const auto odd =
          hn::Sub(hn::PromoteTo(d, hn::LoadU(bytes, in + row_stride + j)), by);
      hn::StoreU(hn::InterleaveLower(d, even, odd), d, out);
      hn::StoreU(hn::InterleaveUpper(d, even, odd), d, out + 8);
    }
  }
  return p;
#endif
}

// The same where columns are contiguous.
template <typename T>
HWY_INLINE int64_t WidenColumnsOfPanel(int64_t k, int64_t columns, const T* in,
                                       int64_t column_stride, int32_t zero,
                                       int16_t* out) {
  for (int64_t p = 0; p + 2 <= k; p += 2, out += 2 * kQNr) {
    for (int64_t j = 0; j < columns; ++j) {
      const T* pair = in + j * column_stride + p;
      out[2 * j] = static_cast<int16_t>(pair[0] - zero);
      out[2 * j + 1] = static_cast<int16_t>(pair[1] - zero);
    }
    for (int64_t j = 2 * columns; j < 2 * kQNr; ++j) out[j] = 0;
  }
  return k / 2 * 2;
}

template <typename T>
void WidenPanelAs(int64_t k, int64_t n, const ByteView& b, int64_t panel,
                  int16_t* out) {
  const int64_t column = panel * kQNr;
  const int64_t columns = std::min<int64_t>(kQNr, n - column);
  const T* in = static_cast<const T*>(b.data) + column * b.column_stride;
  const int32_t* zeros = b.zeros + column * b.zero_step;
  int64_t done = 0;
  if (b.zero_step == 0 && b.column_stride == 1 && columns == kQNr) {
    done = WidenRowsOfPanel(k, in, b.row_stride, static_cast<int16_t>(*zeros),
                            out);
  } else if (b.zero_step == 0 && b.row_stride == 1) {
    done = WidenColumnsOfPanel(k, columns, in, b.column_stride, *zeros, out);
  }
  WidenSteps(done, k, columns, in, b, zeros, out);
}

// Panel `panel` of B of k x n.
inline void WidenPanel(int64_t k, int64_t n, const ByteView& b, int64_t panel,
                       int16_t* out) {
  if (b.is_signed) {
    WidenPanelAs<int8_t>(k, n, b, panel, out);
  } else {
    WidenPanelAs<uint8_t>(k, n, b, panel, out);
  }
}

// Panels made beforehand, one after the other: a source for
// ComputeQRectangle.
struct ReadyPanels {
  static constexpr int64_t kMaxPairs = kQMaxPairs;
  const int16_t* data;
  int64_t k;
  const int16_t* Get(int64_t panel, int64_t pair_begin, int64_t,
                     int16_t*) const {
    return data + (panel * PairsOf(k) + pair_begin) * 2 * kQNr;
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_WIDEN_PANEL_INL_H_
