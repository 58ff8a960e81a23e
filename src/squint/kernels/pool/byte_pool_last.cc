// Maxima of 8-bit numbers, channels last: a vector of channels at a time.
#include <algorithm>
#include <limits>

#include "squint/base/threads.h"
#include "squint/kernels/pool/byte_pool.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/pool/byte_pool_last.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The taps of one pixel that lie inside the image: a rectangle.
template <typename T>
struct Taps {
  const T* first;
  int64_t rows;
  int64_t columns;
  int64_t row_step;
  int64_t column_step;
};

// Taps [begin, end) of one axis whose position lies in [0, size).
struct TapRange {
  int64_t begin;
  int64_t end;

  TapRange(int64_t start, int64_t dilation, int64_t taps, int64_t size) {
    begin = start >= 0 ? 0 : (-start + dilation - 1) / dilation;
    const int64_t room = size - start;
    end = room <= 0 ? 0 : (room + dilation - 1) / dilation;
    begin = std::min(begin, taps);
    end = std::clamp(end, begin, taps);
  }
};

// A vector of d from channel c on.
template <class D, typename T>
HWY_INLINE void MaxVector(D d, const Taps<T>& taps, int64_t c, T* out) {
  auto most = hn::Set(d, std::numeric_limits<T>::lowest());
  for (int64_t y = 0; y < taps.rows; ++y) {
    const T* in = taps.first + y * taps.row_step + c;
    for (int64_t x = 0; x < taps.columns; ++x, in += taps.column_step) {
      most = hn::Max(most, hn::LoadU(d, in));
    }
  }
  hn::StoreU(most, d, out + c);
}

// At least one vector of channels; the last one ends with the last channel.
template <class D, typename T>
void MaxVectors(D d, const Taps<T>& taps, int64_t channels, T* out) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) MaxVector(d, taps, c, out);
  if (c < channels) MaxVector(d, taps, channels - lanes, out);
}

template <typename T>
void MaxPixel(const Taps<T>& taps, int64_t channels, T* out) {
  const hn::ScalableTag<T> d;
  if (channels >= int64_t{HWY_LANES(T)}) {
    return MaxVectors(d, taps, channels, out);
  }
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<T, 16> sixteen;
  if (channels >= 16) return MaxVectors(sixteen, taps, channels, out);
  const hn::CappedTag<T, 8> eight;
  if (channels >= 8) return MaxVectors(eight, taps, channels, out);
#endif
  const hn::CappedTag<T, 1> one;
  MaxVectors(one, taps, channels, out);
}

// Row `oy` of the result.
template <typename T>
void MaxRowOf(const PlaneWindow& w, int64_t channels, int64_t oy,
              const T* image, T* out) {
  const int64_t top = oy * w.stride_h - w.pad_top;
  const TapRange rows(top, w.dilation_h, w.kernel_h, w.in_h);
  for (int64_t ox = 0; ox < w.out_w; ++ox, out += channels) {
    const int64_t left = ox * w.stride_w - w.pad_left;
    const TapRange columns(left, w.dilation_w, w.kernel_w, w.in_w);
    const int64_t y = top + rows.begin * w.dilation_h;
    const int64_t x = left + columns.begin * w.dilation_w;
    MaxPixel<T>({image + (y * w.in_w + x) * channels, rows.end - rows.begin,
                 columns.end - columns.begin, w.dilation_h * w.in_w * channels,
                 w.dilation_w * channels},
                channels, out);
  }
}

void MaxRowLast(const PlaneWindow& w, int64_t channels, int64_t oy,
                bool is_signed, const void* image, void* out) {
  if (is_signed) {
    MaxRowOf(w, channels, oy, static_cast<const int8_t*>(image),
             static_cast<int8_t*>(out));
  } else {
    MaxRowOf(w, channels, oy, static_cast<const uint8_t*>(image),
             static_cast<uint8_t*>(out));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(MaxRowLast);
}  // namespace

void MaxPoolBytesLast(const PlaneWindow& window, int64_t images,
                      int64_t channels, bool is_signed, const void* x, void* y,
                      ThreadPool& pool) {
  const int64_t row = window.out_w * channels;
  const int64_t work = std::max<int64_t>(1, row * window.taps());
  const int64_t grain = std::max<int64_t>(1, 65536 / work);
  pool.ParallelFor(static_cast<size_t>(images * window.out_h),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       const int64_t image = i / window.out_h;
                       HWY_DYNAMIC_DISPATCH(MaxRowLast)
                       (window, channels, i % window.out_h, is_signed,
                        static_cast<const uint8_t*>(x) +
                            image * window.in_pixels() * channels,
                        static_cast<uint8_t*>(y) + i * row);
                     }
                   });
}

}  // namespace squint
#endif  // HWY_ONCE
