// Channels-last depthwise convolution: bands of one or two rows, cut into
// blocks of channels.
#include "squint/kernels/qconv/depthwise_last.h"

#include <hwy/cache_control.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qconv/depthwise_last.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/pin-inl.h"
#include "squint/kernels/qrows/quad-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

constexpr int64_t kDepthwiseRows = 2;  // of a band, at most
// Rows of the image that a band reads, at most, and words (of four bytes) of
// its staged columns: half of what FitsDepthwiseLast needs for the widest
// vectors fits L1.
constexpr int64_t kMaxBandRows = 32;
constexpr int64_t kStagedWords = 8192;
constexpr int64_t kNarrowPixels = 64;

// How a band's rows are cut into groups of `taps`. Row r of the result reads
// `row_groups` of them from r * row_offset on.
struct BandShape {
  int64_t rows;    // of the result
  int64_t groups;  // of rows of the image
  int64_t row_groups;
  int64_t row_offset;

  BandShape(const PlaneWindow& w, int taps)
      : BandShape(w, taps,
                  w.stride_h <= 2 && w.dilation_h == 1 ? kDepthwiseRows : 1) {
    if (taps != 4 || rows == 1) return;
    const BandShape one(w, taps, 1);
    if (one.Cost(w) < Cost(w)) *this = one;
  }
  int64_t image_rows(const PlaneWindow& w) const {
    return w.kernel_h + (rows - 1) * w.stride_h;
  }

 private:
  BandShape(const PlaneWindow& w, int taps, int64_t result_rows)
      : rows(result_rows) {
    const auto groups_of = [&](int64_t count) {
      return (count + taps - 1) / taps;
    };
    groups = groups_of(image_rows(w));
    row_offset = rows > 1 && w.stride_h == taps ? 1 : 0;
    row_groups = row_offset > 0 ? groups_of(w.kernel_h) : groups;
  }
  // Of a pixel in each row, by the cycles of a vector, over the rows: three to
  // stage a column of a group, one for a product.
  double Cost(const PlaneWindow& w) const {
    const int64_t all =
        3 * groups * w.stride_w + w.kernel_w * row_groups * rows;
    return static_cast<double>(all) / static_cast<double>(rows);
  }
};

// Channels from `channel` on; their bias, multiplier and weights begin at
// those of `parameter` channels.
struct BlockPlace {
  int64_t channel;
  int64_t parameter;
};

// How channels are cut into blocks: wide ones, then where there are such half
// as wide ones, so that few are left over. The last block ends with the last
// channel, where there are as many, and may begin before the end of the last
// but one: both write the same there.
struct BlockCut {
  int64_t channels;
  int64_t wide;  // channels of a block
  int64_t full;  // blocks
  int64_t halves = 0;

  BlockCut(int64_t all, int64_t block, bool has_halves)
      : channels(all), wide(block), full((all + block - 1) / block) {
    const int64_t rest = all % block;
    if (!has_halves || rest == 0) return;
    if (rest <= block / 2 || all < block) {
      full = all / block;
      halves = rest <= block / 2 ? 1 : 2;
    }
  }
  int64_t blocks() const { return full + halves; }
  bool IsHalf(int64_t block) const { return block >= full; }
  int64_t Width(int64_t block) const { return IsHalf(block) ? wide / 2 : wide; }
  // Blocks, or the last two as one where they overlap: what threads may part.
  int64_t units() const {
    const int64_t last = blocks() - 1;
    const bool overlaps =
        last > 0 &&
        Place(last).channel < Place(last - 1).channel + Width(last - 1);
    return blocks() - (overlaps ? 1 : 0);
  }
  // Of all blocks.
  int64_t parameters() const { return full * wide + halves * wide / 2; }
  BlockPlace Place(int64_t block) const {
    const int64_t begin = std::min(block, full) * wide +
                          std::max<int64_t>(0, block - full) * (wide / 2);
    return {std::max<int64_t>(0, std::min(begin, channels - Width(block))),
            begin};
  }
};

// The result's rows of one image from a certain one on.
struct DepthwiseBand {
  const uint8_t* rows[kMaxBandRows];  // null: border
  BandShape shape;
  const PlaneWindow& window;
  int64_t channels;
  const BlockCut& cut;
  const uint8_t* border_row;  // kColumnPadding bytes
  const uint8_t* input_end;   // of all images
  const int32_t* weights;
  const int32_t* bias;
  const float* multiplier;
  bool clamps_by_packing;
  int32_t zero;
  uint8_t* out;
  int64_t out_rows;
};

// Place i of a block's sums -> channel of the block of `vectors` vectors.
int64_t ChannelAt(int64_t i, int vectors, int64_t lanes) {
  const int64_t group = lanes >= 4 ? 4 : 1;
  const int64_t vector = i / lanes;
  const int64_t lane = i % lanes;
  return lane / group * (vectors * group) + vector * group + lane % group;
}

// The channels of a pixel, less than a block's.
HWY_INLINE void CopyFew(const uint8_t* from, int64_t count, uint8_t* to) {
  constexpr int64_t kEight = 8;
  int64_t i = 0;
  for (; i + kEight <= count; i += kEight) {
    std::memcpy(to + i, from + i, kEight);
  }
  for (; i < count; ++i) to[i] = from[i];
}

// Blocks of vectors half as long, of the same number of vectors.
constexpr bool HasHalves(int taps) {
  return HWY_TARGET == HWY_AVX3 && taps == 4;
}

#if HWY_TARGET != HWY_SCALAR

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET <= HWY_AVX3
// Two vectors of int16 as bytes, side by side in every 16 of them.
template <class V>
HWY_INLINE void StoreWords(V first, V second, uint8_t* out) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (sizeof(first.raw) == 64) {
    _mm512_storeu_si512(out, _mm512_packus_epi16(first.raw, second.raw));
  } else {
#else
  {
#endif
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                        _mm256_packus_epi16(first.raw, second.raw));
  }
}
#endif

namespace pairs {
#define SQUINT_TAPS 2
#define SQUINT_TAP_LANES kIntLanes
#define SQUINT_TAP_OPERAND(bytes) bytes
#define SQUINT_TAP_PRODUCT AddProducts
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAP_OPERAND
#undef SQUINT_TAP_PRODUCT
#undef SQUINT_TAPS
}  // namespace pairs

#define SQUINT_TAPS 4
namespace imitated {
#define SQUINT_TAP_OPERAND(bytes) bytes
#define SQUINT_TAP_PRODUCT QuadDotImitated
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAP_OPERAND
#undef SQUINT_TAP_PRODUCT
}  // namespace imitated

#if SQUINT_QUAD_DOT
HWY_PUSH_ATTRIBUTES(SQUINT_QUAD_TARGET)
namespace native {
#define SQUINT_TAP_OPERAND QuadOperand
#define SQUINT_TAP_PRODUCT(x, w, sum) \
  IntVector { SQUINT_QUAD_DOT_RAW(x, w, sum) }
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAP_OPERAND
#undef SQUINT_TAP_PRODUCT
}  // namespace native
HWY_POP_ATTRIBUTES
#endif
#undef SQUINT_TAP_LANES

#if HWY_TARGET == HWY_AVX3
#define SQUINT_TAP_LANES 8
#define SQUINT_TAP_OPERAND(bytes) bytes
namespace imitated_half {
#define SQUINT_TAP_PRODUCT QuadDotImitated
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAP_PRODUCT
}  // namespace imitated_half
#if SQUINT_QUAD_DOT
HWY_PUSH_ATTRIBUTES(SQUINT_QUAD_TARGET)
namespace native_half {
#define SQUINT_TAP_PRODUCT(x, w, sum) \
  TapVector { _mm256_dpbusd_epi32((sum).raw, (x).raw, (w).raw) }
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAP_PRODUCT
}  // namespace native_half
HWY_POP_ATTRIBUTES
#endif
#undef SQUINT_TAP_OPERAND
#undef SQUINT_TAP_LANES
#else
namespace imitated_half = imitated;
#if SQUINT_QUAD_DOT
namespace native_half = native;
#endif
#endif
#undef SQUINT_TAPS

// The lines that pixels [x, x + count) read, in order: blocks of channels read
// pieces of them.
HWY_INLINE void FetchPixels(const DepthwiseBand& band, int taps, int64_t x,
                            int64_t count) {
  constexpr int64_t kLine = 64;
  const PlaneWindow& w = band.window;
  const int64_t first = x * w.stride_w - w.pad_left;
  const int64_t begin = std::clamp<int64_t>(first, 0, w.in_w) * band.channels;
  const int64_t last = first + (count - 1) * w.stride_w + w.span_w();
  const int64_t end = std::clamp<int64_t>(last, 0, w.in_w) * band.channels;
  for (int64_t i = 0; i < band.shape.groups * taps; ++i) {
    if (band.rows[i] == nullptr) continue;
    for (int64_t at = begin; at < end; at += kLine) {
      hwy::Prefetch(band.rows[i] + at);
    }
  }
}

// Blocks [begin, end) piece by piece, so that the rows of a piece come from
// memory once and whole.
using BlockFunction = void (*)(const DepthwiseBand&, const BlockPlace&,
                               int64_t x, int64_t count);
template <int kTaps, BlockFunction kWide, BlockFunction kHalf>
void RunBand(const DepthwiseBand& band, int64_t begin, int64_t end) {
  constexpr int64_t kChannels = kTaps * kIntLanes;
  constexpr int64_t kBytes = 32 * 1024;                 // of the image
  constexpr int64_t kLeast = 8;                         // pixels
  const int64_t words = band.shape.groups * kChannels;  // of a column
  int64_t piece =
      std::max(kLeast, kBytes / (band.shape.groups * kTaps *
                                 band.window.stride_w * band.channels));
  piece = std::min(
      piece,
      (kStagedWords / words - band.window.span_w()) / band.window.stride_w + 1);
  if (band.channels < band.cut.Width(0)) {
    piece = std::min(piece, kNarrowPixels);
  }
  for (int64_t x = 0; x < band.window.out_w; x += piece) {
    const int64_t count = std::min(piece, band.window.out_w - x);
    // Columns of four rows are read faster than lines asked for (Zen 4).
    if constexpr (kTaps == 2) FetchPixels(band, kTaps, x, count);
    for (int64_t block = begin; block < end; ++block) {
      (band.cut.IsHalf(block) ? kHalf : kWide)(band, band.cut.Place(block), x,
                                               count);
    }
  }
}

void RunBandOfPairs(const DepthwiseBand& band, int64_t begin, int64_t end) {
  RunBand<2, pairs::RunBlock, pairs::RunBlock>(band, begin, end);
}
void RunBandOfQuads(const DepthwiseBand& band, int64_t begin, int64_t end) {
#if SQUINT_QUAD_DOT
  RunBand<4, native::RunBlock, native_half::RunBlock>(band, begin, end);
#else
  (void)band, (void)begin, (void)end;  // see RunBestDepthwise
#endif
}
void ImitateBand(const DepthwiseBand& band, int64_t begin, int64_t end) {
  RunBand<4, imitated::RunBlock, imitated_half::RunBlock>(band, begin, end);
}

#else  // HWY_SCALAR: one channel after the other

void RunBlock(const DepthwiseBand& b, int64_t block, int taps) {
  const int bits = 32 / taps;
  for (int64_t i = 0; i < b.out_rows * b.window.out_w * taps; ++i) {
    const int64_t place = i % taps;
    const int64_t row = i / taps / b.window.out_w;
    const int64_t x = i / taps % b.window.out_w;
    const int64_t channel =
        std::max<int64_t>(0, std::min(block * taps, b.channels - taps)) +
        ChannelAt(place, taps, kIntLanes);
    if (channel >= b.channels) continue;
    const int64_t parameter = block * taps + place;
    int32_t sum = b.bias[parameter];
    for (int64_t t = 0; t < b.window.kernel_w * b.shape.row_groups * taps;
         ++t) {
      const int64_t kx = t / (b.shape.row_groups * taps);
      const int64_t in_row = t % (b.shape.row_groups * taps);
      const int64_t y = in_row + row * b.shape.row_offset * taps;
      const int64_t column =
          x * b.window.stride_w - b.window.pad_left + kx * b.window.dilation_w;
      const bool inside =
          b.rows[y] != nullptr && column >= 0 && column < b.window.in_w;
      const int64_t at =
          ((block * b.window.kernel_w + kx) * b.shape.row_groups +
           in_row / taps) *
              b.shape.rows +
          row;
      const int32_t joined = b.weights[at * taps + place];
      const int32_t weight =
          joined << (32 - bits - y % taps * bits) >> (32 - bits);
      sum += weight * (inside ? b.rows[y][column * b.channels + channel]
                              : b.border_row[0]);
    }
    const float v = static_cast<float>(sum) * b.multiplier[parameter];
    const auto low = static_cast<float>(-b.zero);
    const auto high = static_cast<float>(255 - b.zero);
    const float q =
        hn::GetLane(hn::Round(hn::Set(RealTag(), std::clamp(v, low, high))));
    b.out[(row * b.window.out_w + x) * b.channels + channel] =
        static_cast<uint8_t>(static_cast<int32_t>(q) + b.zero);
  }
}

template <int kTaps>
void RunBandBy(const DepthwiseBand& band, int64_t begin, int64_t end) {
  for (int64_t block = begin; block < end; ++block) {
    RunBlock(band, block, kTaps);
  }
}
constexpr auto RunBandOfPairs = RunBandBy<2>;
constexpr auto RunBandOfQuads = RunBandBy<4>;
constexpr auto ImitateBand = RunBandBy<4>;

#endif

// Each way of multiplying is named where it is asked for, so that a program
// without tests has no imitation in it.
using BandFunction = void (*)(const DepthwiseBand&, int64_t begin, int64_t end);

void RunDepthwiseBy(const DepthwiseLastArgs& args, ThreadPool& pool, int taps,
                    BandFunction run_band) {
  const ConvShape& s = args.shape;
  const PlaneWindow& w = s.window;
  const DepthwiseFilters& f = args.filters;
  const BandShape shape(w, taps);
  const BlockCut cut(s.channels, f.block, HasHalves(taps));
  const int64_t units = cut.units();
  const int64_t bands = (w.out_h + shape.rows - 1) / shape.rows;
  // Channels are parted where there are too few bands.
  const int64_t parts = std::clamp<int64_t>(
      pool.threads() == 1 ? 1 : 4 * pool.threads() / (s.batch * bands), 1,
      units);
  HWY_ALIGN uint8_t border_row[kColumnPadding];
  std::fill_n(border_row, kColumnPadding, args.border);
  const auto run = [&](int64_t item) {
    const int64_t band = item / parts;
    const int64_t y = band % bands * shape.rows;
    const int64_t image = band / bands;
    DepthwiseBand b{{},
                    shape,
                    w,
                    s.channels,
                    cut,
                    border_row,
                    args.input + s.batch * w.in_pixels() * s.channels,
                    reinterpret_cast<const int32_t*>(f.weights.get()),
                    f.bias.data(),
                    f.multiplier.data(),
                    f.clamps_by_packing,
                    args.zero,
                    args.output + (image * w.out_h + y) * w.out_w * s.channels,
                    std::min(shape.rows, w.out_h - y)};
    const int64_t first = y * w.stride_h - w.pad_top;
    for (int64_t i = 0; i < shape.image_rows(w); ++i) {
      const int64_t row = first + i * w.dilation_h;
      if (row < 0 || row >= w.in_h) continue;
      b.rows[i] = args.input + (image * w.in_h + row) * w.in_w * s.channels;
    }
    const int64_t part = item % parts;
    run_band(b, part * units / parts,
             part + 1 == parts ? cut.blocks() : (part + 1) * units / parts);
  };
  // Pieces of some ten thousand products.
  const int64_t work =
      shape.rows * w.out_w * w.taps() * ((s.channels + parts - 1) / parts);
  const int64_t grain =
      std::max<int64_t>(1, 65536 / std::max<int64_t>(1, work));
  pool.ParallelFor(static_cast<size_t>(s.batch * bands * parts),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     for (size_t i = begin; i < end; ++i) {
                       run(static_cast<int64_t>(i));
                     }
                   });
}

// A channel's bias for a product that takes x `lower` lower than it is.
int32_t BiasFor(int32_t lower, int32_t bias, const int8_t* weights,
                int64_t taps) {
  int64_t sum = bias;
  for (int64_t t = 0; t < taps; ++t) sum += int64_t{lower} * weights[t];
  return static_cast<int32_t>(sum);
}

// [block][kernel_w][group][row of the result][place], the weights of a group's
// rows in each int32. lower: see BiasFor.
DepthwiseFilters PackRows(const ConvShape& s, const int8_t* weights,
                          const int32_t* bias, const float* multiplier,
                          int taps, int32_t lower) {
  const PlaneWindow& w = s.window;
  const BandShape shape(w, taps);
  DepthwiseFilters f;
  f.block = int64_t{taps} * kIntLanes;
  const BlockCut cut(s.channels, f.block, HasHalves(taps));
  f.weights = AllocateAligned<std::byte>(cut.parameters() * w.kernel_w *
                                         shape.row_groups * shape.rows * 4);
  auto* out = reinterpret_cast<uint32_t*>(f.weights.get());
  const int bits = 32 / taps;
  const uint32_t mask = bits == 16 ? 0xFFFF : 0xFF;
  // The weights of group g of those of row r of the result.
  const auto joined = [&](int64_t c, int64_t kx, int64_t g, int64_t r) {
    uint32_t all = 0;
    for (int64_t i = 0; i < taps; ++i) {
      const int64_t ky = (g + r * shape.row_offset) * taps + i - r * w.stride_h;
      if (ky < 0 || ky >= w.kernel_h) continue;
      const auto one = static_cast<uint32_t>(
          int32_t{weights[(c * w.kernel_h + ky) * w.kernel_w + kx]});
      all |= (one & mask) << (i * bits);
    }
    return all;
  };
  f.clamps_by_packing = std::all_of(multiplier, multiplier + s.channels,
                                    [](float by) { return std::abs(by) < 1; });
  for (int64_t block = 0; block < cut.blocks(); ++block) {
    const int64_t width = cut.Width(block);
    const auto channel_at = [&](int64_t i) {
      return cut.Place(block).channel + ChannelAt(i, taps, width / taps);
    };
    for (int64_t i = 0; i < width; ++i) {
      const int64_t c = channel_at(i);
      f.bias.push_back(
          c < s.channels
              ? BiasFor(lower, bias[c], weights + c * w.taps(), w.taps())
              : 0);
      f.multiplier.push_back(c < s.channels ? multiplier[c] : 0);
    }
    for (int64_t k = 0; k < w.kernel_w * shape.row_groups * shape.rows; ++k) {
      const int64_t r = k % shape.rows;
      const int64_t g = k / shape.rows % shape.row_groups;
      const int64_t kx = k / shape.rows / shape.row_groups;
      for (int64_t i = 0; i < width; ++i) {
        const int64_t c = channel_at(i);
        *out++ = c < s.channels ? joined(c, kx, g, r) : 0;
      }
    }
  }
  return f;
}

DepthwiseFilters PackBestRows(const ConvShape& shape, const int8_t* weights,
                              const int32_t* bias, const float* multiplier) {
  return HasQuadDot()
             ? PackRows(shape, weights, bias, multiplier, 4, SQUINT_QUAD_LOWER)
             : PackRows(shape, weights, bias, multiplier, 2, 0);
}
DepthwiseFilters PackFourRows(const ConvShape& shape, const int8_t* weights,
                              const int32_t* bias, const float* multiplier) {
  return PackRows(shape, weights, bias, multiplier, 4, 0);
}
void RunBestDepthwise(const DepthwiseLastArgs& args, ThreadPool& pool) {
  if (HasQuadDot()) return RunDepthwiseBy(args, pool, 4, RunBandOfQuads);
  RunDepthwiseBy(args, pool, 2, RunBandOfPairs);
}
void RunImitatedDepthwise(const DepthwiseLastArgs& args, ThreadPool& pool) {
  RunDepthwiseBy(args, pool, 4, ImitateBand);
}

bool Fits(const PlaneWindow& w) {
  for (const int taps : {2, 4}) {
    const int64_t groups = BandShape(w, taps).groups;
    if (groups * taps > kMaxBandRows ||
        groups * taps * kIntLanes * w.span_w() > kStagedWords) {
      return false;
    }
  }
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(PackBestRows);
HWY_EXPORT(PackFourRows);
HWY_EXPORT(RunBestDepthwise);
HWY_EXPORT(RunImitatedDepthwise);
HWY_EXPORT(Fits);
}  // namespace

bool FitsDepthwiseLast(const PlaneWindow& window) {
  return HWY_DYNAMIC_DISPATCH(Fits)(window);
}
DepthwiseFilters PackDepthwise(const ConvShape& shape, const int8_t* weights,
                               const int32_t* bias, const float* multiplier) {
  return HWY_DYNAMIC_DISPATCH(PackBestRows)(shape, weights, bias, multiplier);
}
DepthwiseFilters PackDepthwiseQuads(const ConvShape& shape,
                                    const int8_t* weights, const int32_t* bias,
                                    const float* multiplier) {
  return HWY_DYNAMIC_DISPATCH(PackFourRows)(shape, weights, bias, multiplier);
}
void DepthwiseLast(const DepthwiseLastArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunBestDepthwise)(args, pool);
}
void DepthwiseLastOfQuads(const DepthwiseLastArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunImitatedDepthwise)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
