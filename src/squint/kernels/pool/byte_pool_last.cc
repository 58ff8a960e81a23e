// Maxima and means of 8-bit numbers, channels last: a vector of channels at a
// time.
#include <algorithm>
#include <limits>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/pool/byte_pool.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/pool/byte_pool_last.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#ifndef SQUINT_KERNELS_POOL_STAGED_COLUMNS
#define SQUINT_KERNELS_POOL_STAGED_COLUMNS
namespace squint {
namespace {

// Columns that the windows of a row see, padding among them.
int64_t StagedColumns(const PlaneWindow& w) {
  return (w.out_w - 1) * w.stride_w + w.span_w();
}

}  // namespace
}  // namespace squint
#endif

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
              const T* image, int64_t stride, T* out) {
  const int64_t top = oy * w.stride_h - w.pad_top;
  const TapRange rows(top, w.dilation_h, w.kernel_h, w.in_h);
  for (int64_t ox = 0; ox < w.out_w; ++ox, out += channels) {
    const int64_t left = ox * w.stride_w - w.pad_left;
    const TapRange columns(left, w.dilation_w, w.kernel_w, w.in_w);
    const int64_t y = top + rows.begin * w.dilation_h;
    const int64_t x = left + columns.begin * w.dilation_w;
    MaxPixel<T>({image + (y * w.in_w + x) * stride, rows.end - rows.begin,
                 columns.end - columns.begin, w.dilation_h * w.in_w * stride,
                 w.dilation_w * stride},
                channels, out);
  }
}

void MaxRowLast(const PlaneWindow& w, int64_t channels, int64_t oy,
                bool is_signed, const void* image, int64_t stride, void* out) {
  if (is_signed) {
    MaxRowOf(w, channels, oy, static_cast<const int8_t*>(image), stride,
             static_cast<int8_t*>(out));
  } else {
    MaxRowOf(w, channels, oy, static_cast<const uint8_t*>(image), stride,
             static_cast<uint8_t*>(out));
  }
}

// ---- means: the taps' rows are added up first, then the columns of the sums,
// which have zeros where the image ends, so that all windows are whole

// An operand's bytes as unsigned numbers: int8 is shifted by 128.
struct Operand {
  const uint8_t* image;
  uint8_t flip;
  int32_t zero;

  Operand(const void* bytes, const ByteGrid& grid)
      : image(static_cast<const uint8_t*>(bytes)),
        flip(grid.is_signed ? 0x80 : 0),
        zero(grid.zero + (grid.is_signed ? 128 : 0)) {}
};

// sums[i] = sum of `rows` bytes, row_step apart.
HWY_INLINE void AddRows(const uint8_t* first, uint8_t flip, int64_t rows,
                        int64_t row_step, int64_t count, uint16_t* sums) {
  const hn::ScalableTag<uint16_t> d;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto flips = hn::Set(d8, flip);
  const auto vector = [&](int64_t i) {
    auto sum = hn::Zero(d);
    for (int64_t y = 0; y < rows; ++y) {
      const auto bytes = hn::LoadU(d8, first + y * row_step + i);
      sum = hn::Add(sum, hn::PromoteTo(d, hn::Xor(bytes, flips)));
    }
    hn::StoreU(sum, d, sums + i);
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) vector(i);
  if (i == count) return;
  if (count >= lanes) return vector(count - lanes);
  for (; i < count; ++i) {
    sums[i] = 0;
    for (int64_t y = 0; y < rows; ++y) {
      sums[i] = static_cast<uint16_t>(
          sums[i] + static_cast<uint8_t>(first[y * row_step + i] ^ flip));
    }
  }
}

// How sums of windows with the same divisor become bytes.
struct MeanStore {
  float multiplier;
  int32_t zeros;  // in a sum
  float low;      // of a result less its zero point
  float high;
  int32_t zero;
};

// out[i] = the mean of `taps` sums from sums + i on, `step` apart.
template <typename T>
HWY_INLINE void StoreMeans(const uint16_t* sums, int64_t taps, int64_t step,
                           int64_t count, const MeanStore& store, T* out) {
  const hn::ScalableTag<int32_t> d;
  const hn::RebindToFloat<decltype(d)> df;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const hn::Rebind<T, decltype(d)> d8;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto multiplier = hn::Set(df, store.multiplier);
  const auto zeros = hn::Set(d, store.zeros);
  const auto low = hn::Set(df, store.low);
  const auto high = hn::Set(df, store.high);
  const auto zero = hn::Set(d, store.zero);
  const auto vector = [&](const uint16_t* from, T* to) {
    auto sum = hn::LoadU(d16, from);
    for (int64_t t = 1; t < taps; ++t) {
      sum = hn::Add(sum, hn::LoadU(d16, from + t * step));
    }
    const auto whole = hn::Sub(hn::PromoteTo(d, sum), zeros);
    const auto real = hn::Mul(hn::ConvertTo(df, whole), multiplier);
    const auto near = hn::NearestInt(hn::Clamp(real, low, high));
    hn::StoreU(hn::DemoteTo(d8, hn::Add(near, zero)), d8, to);
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) vector(sums + i, out + i);
  if (i == count) return;
  if (count >= lanes) return vector(sums + count - lanes, out + count - lanes);
  T last[HWY_MAX_BYTES];
  vector(sums + i, last);  // reads into the slack of the sums
  std::copy_n(last, count - i, out + i);
}

// Row `oy` of the result. sums: StagedColumns(window) x channels, zero where
// the image is not, and a vector more.
template <typename T>
void MeanRowOf(const ByteMeans& m, int64_t channels, int64_t oy,
               const Operand& x, uint16_t* sums, T* out) {
  const PlaneWindow& w = m.window;
  const int64_t top = oy * w.stride_h - w.pad_top;
  const TapRange rows(top, w.dilation_h, w.kernel_h, w.in_h);
  const int64_t seen = std::min(w.in_w, StagedColumns(w) - w.pad_left);
  AddRows(x.image + (top + rows.begin * w.dilation_h) * w.in_w * channels,
          x.flip, rows.end - rows.begin, w.dilation_h * w.in_w * channels,
          seen * channels, sums + w.pad_left * channels);
  const auto inside = [&](int64_t ox) {
    const TapRange columns(ox * w.stride_w - w.pad_left, w.dilation_w,
                           w.kernel_w, w.in_w);
    return columns.end - columns.begin;
  };
  for (int64_t ox = 0; ox < w.out_w;) {
    const int64_t taps = inside(ox);
    int64_t end = ox + 1;
    while (w.stride_w == 1 && end < w.out_w && inside(end) == taps &&
           m.columns[end] == m.columns[ox]) {
      ++end;
    }
    const MeanStore store = {
        .multiplier = m.x.scale / (m.y.scale * (m.rows[oy] * m.columns[ox])),
        .zeros = x.zero * static_cast<int32_t>(taps * (rows.end - rows.begin)),
        .low = static_cast<float>(m.y.lowest() - m.y.zero),
        .high = static_cast<float>(m.y.highest() - m.y.zero),
        .zero = m.y.zero};
    StoreMeans(sums + ox * w.stride_w * channels, w.kernel_w,
               w.dilation_w * channels, (end - ox) * channels, store,
               out + ox * channels);
    ox = end;
  }
}

void MeanRowLast(const ByteMeans& m, int64_t channels, int64_t oy,
                 const void* image, uint16_t* sums, void* out) {
  const Operand x(image, m.x);
  if (m.y.is_signed) {
    MeanRowOf(m, channels, oy, x, sums, static_cast<int8_t*>(out));
  } else {
    MeanRowOf(m, channels, oy, x, sums, static_cast<uint8_t*>(out));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(MaxRowLast);
HWY_EXPORT(MeanRowLast);

// [begin, end) of the rows of all images, in pieces of some work.
template <typename Body>
void ForRows(const PlaneWindow& window, int64_t images, int64_t channels,
             ThreadPool& pool, const Body& body) {
  const int64_t work =
      std::max<int64_t>(1, window.out_w * channels * window.taps());
  const int64_t rows = images * window.out_h;
  const int64_t grain =
      std::max<int64_t>({1, 65536 / work, pool.threads() == 1 ? rows : 1});
  pool.ParallelFor(static_cast<size_t>(rows), static_cast<size_t>(grain),
                   [&](size_t begin, size_t end) {
                     body(static_cast<int64_t>(begin),
                          static_cast<int64_t>(end));
                   });
}

}  // namespace

void MaxPoolBytesLast(const PlaneWindow& window, int64_t images,
                      int64_t channels, bool is_signed, const void* x,
                      int64_t x_stride, void* y, ThreadPool& pool) {
  ForRows(window, images, channels, pool, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      HWY_DYNAMIC_DISPATCH(MaxRowLast)
      (window, channels, i % window.out_h, is_signed,
       static_cast<const uint8_t*>(x) +
           i / window.out_h * window.in_pixels() * x_stride,
       x_stride, static_cast<uint8_t*>(y) + i * window.out_w * channels);
    }
  });
}

void AveragePoolBytesLast(const ByteMeans& means, int64_t images,
                          int64_t channels, const void* x, void* y,
                          ThreadPool& pool) {
  const PlaneWindow& w = means.window;
  ForRows(w, images, channels, pool, [&](int64_t begin, int64_t end) {
    // Of whole vectors, of any instruction set: HWY_MAX_BYTES speaks here of
    // the one that all CPUs have.
    constexpr int64_t kSlack = 64;
    std::vector<uint16_t> sums(
        static_cast<size_t>(StagedColumns(w) * channels + kSlack));
    for (int64_t i = begin; i < end; ++i) {
      HWY_DYNAMIC_DISPATCH(MeanRowLast)
      (means, channels, i % w.out_h,
       static_cast<const uint8_t*>(x) + i / w.out_h * w.in_pixels() * channels,
       sums.data(), static_cast<uint8_t*>(y) + i * w.out_w * channels);
    }
  });
}

}  // namespace squint
#endif  // HWY_ONCE
