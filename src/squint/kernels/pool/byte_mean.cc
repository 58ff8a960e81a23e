#include "squint/kernels/pool/byte_mean.h"

#include <algorithm>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/pool/byte_mean.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qgemm/requantize-inl.h"

#ifndef SQUINT_KERNELS_POOL_BYTE_MEAN_ONCE
#define SQUINT_KERNELS_POOL_BYTE_MEAN_ONCE
namespace squint {
constexpr int64_t kMeansAtOnce = 64;  // whole vectors

// What becomes of sums less their zero points.
struct MeanStore {
  float multiplier;
  float low = 0.0f;  // of a result less its zero point
  float high = 0.0f;
  int32_t zero = 0;
  bool is_signed = false;
  bool is_real;

  explicit MeanStore(const ImageMeans& m) : is_real(!m.y) {
    const ByteGrid y = m.y.value_or(ByteGrid());
    multiplier = m.x.scale / (y.scale * static_cast<float>(m.pixels));
    low = static_cast<float>(y.lowest() - y.zero);
    high = static_cast<float>(y.highest() - y.zero);
    zero = y.zero;
    is_signed = y.is_signed;
  }
};
}  // namespace squint
#endif

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Sums of kMeansAtOnce channels of pixels that lie `stride` bytes apart, few
// enough for int32, less `zeros`.
template <typename T>
HWY_INLINE void SumChannelsOf(const T* in, int64_t pixels, int64_t stride,
                              int32_t zeros, float* sums) {
  constexpr int kAtOnce = 4;  // vectors
  const IntTag d;
  const hn::Rebind<T, IntTag> bytes;
  for (int64_t c = 0; c < kMeansAtOnce; c += kAtOnce * kIntLanes) {
    IntVector sum[kAtOnce];
#pragma GCC unroll 4
    for (int v = 0; v < kAtOnce; ++v) sum[v] = hn::Set(d, -zeros);
    const T* at = in + c;
    for (int64_t p = 0; p < pixels; ++p, at += stride) {
#pragma GCC unroll 4
      for (int v = 0; v < kAtOnce; ++v) {
        sum[v] = hn::Add(
            sum[v], hn::PromoteTo(d, hn::LoadU(bytes, at + v * kIntLanes)));
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < kAtOnce; ++v) {
      hn::StoreU(hn::ConvertTo(RealTag(), sum[v]), RealTag(),
                 sums + c + v * kIntLanes);
    }
  }
}
void SumBlock(const void* in, bool is_signed, int64_t pixels, int64_t stride,
              int32_t zeros, float* sums) {
  if (is_signed) {
    SumChannelsOf(static_cast<const int8_t*>(in), pixels, stride, zeros, sums);
  } else {
    SumChannelsOf(static_cast<const uint8_t*>(in), pixels, stride, zeros, sums);
  }
}

// Results from `at` on; kMeansAtOnce sums may be read.
void StoreMeanBlock(const MeanStore& store, const float* sums, int64_t count,
                    void* out, int64_t at) {
  const RealTag df;
  const auto multiplier = hn::Set(df, store.multiplier);
  const auto zero = hn::Set(IntTag(), store.zero);
  for (int64_t i = 0; i < count; i += kIntLanes) {
    const int64_t rest = std::min<int64_t>(kIntLanes, count - i);
    const auto v = hn::Mul(hn::LoadU(df, sums + i), multiplier);
    if (store.is_real) {
      StoreReals(v, rest, static_cast<float*>(out) + at + i);
    } else {
      StoreBytes(hn::Add(RoundedBetween(v, store.low, store.high), zero),
                 store.is_signed, rest, static_cast<uint8_t*>(out) + at + i);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(StoreMeanBlock);
HWY_EXPORT(SumBlock);

constexpr int64_t kTaskBytes = 1 << 15;

size_t GrainOf(int64_t bytes) {
  return static_cast<size_t>(std::max<int64_t>(1, kTaskBytes / bytes));
}

template <typename T>
int64_t SumOf(const T* in, int64_t count) {
  int64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += in[i];
  return sum;
}

// Sums less zero points of `count` channels, at most kMeansAtOnce, which begin
// at `bytes`.
template <typename T>
void SumFewChannels(const ImageMeans& m, const T* bytes, int64_t count,
                    float* sums) {
  int64_t all[kMeansAtOnce] = {};
  for (int64_t p = 0; p < m.pixels; ++p, bytes += m.channels) {
    for (int64_t c = 0; c < count; ++c) all[c] += bytes[c];
  }
  for (int64_t c = 0; c < count; ++c) {
    sums[c] = static_cast<float>(all[c] - m.x.zero * m.pixels);
  }
}

// Means of one image's channels [begin, end), at most kMeansAtOnce of them.
// Fewer are summed with those before them, where there are so many.
void MeanOfChannels(const ImageMeans& m, const MeanStore& store,
                    const void* image, int64_t begin, int64_t end, void* y,
                    int64_t at) {
  constexpr int64_t kMostPixels = 1 << 20;  // whose sum int32 holds
  const int64_t first = std::max<int64_t>(0, end - kMeansAtOnce);
  const auto* bytes = static_cast<const uint8_t*>(image);
  float sums[2 * kMeansAtOnce] = {};  // those stored, and what may be read
  if (end - first == kMeansAtOnce && m.pixels <= kMostPixels) {
    HWY_DYNAMIC_DISPATCH(SumBlock)
    (bytes + first, m.x.is_signed, m.pixels, m.channels,
     m.x.zero * static_cast<int32_t>(m.pixels), sums);
    HWY_DYNAMIC_DISPATCH(StoreMeanBlock)
    (store, sums + begin - first, end - begin, y, at);
    return;
  }
  if (m.x.is_signed) {
    SumFewChannels(m, reinterpret_cast<const int8_t*>(bytes) + begin,
                   end - begin, sums);
  } else {
    SumFewChannels(m, bytes + begin, end - begin, sums);
  }
  HWY_DYNAMIC_DISPATCH(StoreMeanBlock)(store, sums, end - begin, y, at);
}

}  // namespace

void MeanOfBytes(const ImageMeans& m, const void* x, void* y,
                 ThreadPool& pool) {
  const MeanStore store(m);
  const int64_t zeros = m.x.zero * m.pixels;
  const auto sum_of = [&](int64_t plane) {
    const int64_t at = plane * m.pixels;
    return m.x.is_signed ? SumOf(static_cast<const int8_t*>(x) + at, m.pixels)
                         : SumOf(static_cast<const uint8_t*>(x) + at, m.pixels);
  };
  pool.ParallelFor(static_cast<size_t>(m.images * m.channels),
                   GrainOf(m.pixels), [&](size_t begin, size_t end) {
                     const auto last = static_cast<int64_t>(end);
                     for (auto i = static_cast<int64_t>(begin); i < last;
                          i += kMeansAtOnce) {
                       const int64_t count = std::min(kMeansAtOnce, last - i);
                       float sums[kMeansAtOnce] = {};
                       for (int64_t k = 0; k < count; ++k) {
                         sums[k] = static_cast<float>(sum_of(i + k) - zeros);
                       }
                       HWY_DYNAMIC_DISPATCH(StoreMeanBlock)
                       (store, sums, count, y, i);
                     }
                   });
}

void MeanOfBytesLast(const ImageMeans& m, const void* x, void* y,
                     ThreadPool& pool) {
  const MeanStore store(m);
  const int64_t pieces = (m.channels + kMeansAtOnce - 1) / kMeansAtOnce;
  pool.ParallelFor(
      static_cast<size_t>(m.images * pieces), GrainOf(m.pixels * kMeansAtOnce),
      [&](size_t begin, size_t end) {
        for (auto i = static_cast<int64_t>(begin);
             i < static_cast<int64_t>(end); ++i) {
          const int64_t from = i % pieces * kMeansAtOnce;
          const int64_t to = std::min(m.channels, from + kMeansAtOnce);
          MeanOfChannels(m, store,
                         static_cast<const uint8_t*>(x) +
                             i / pieces * m.pixels * m.channels,
                         from, to, y, i / pieces * m.channels + from);
        }
      });
}

}  // namespace squint
#endif  // HWY_ONCE
