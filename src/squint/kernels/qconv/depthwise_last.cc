// Channels-last depthwise convolution, pixel by pixel.
#include "squint/kernels/qconv/depthwise_last.h"

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qconv/depthwise_last.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qrows/quad-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Channels of a block.
constexpr int kDepthwiseChannels = 4 * kIntLanes;

// One pixel of the result, all channels.
struct DepthwisePixel {
  const uint8_t* const* taps;  // groups * taps of a group
  int64_t groups;
  int64_t channels;
  int64_t blocks;
  const int32_t* weights;
  const int32_t* bias;
  const float* multiplier;
  int32_t zero;
  uint8_t* out;

  // The last block ends with the last channel.
  int64_t ChannelOf(int64_t block) const {
    return std::max<int64_t>(
        0, std::min(block * kDepthwiseChannels, channels - kDepthwiseChannels));
  }
};

#if HWY_TARGET != HWY_SCALAR
// Sums of 16 channels lie in the same quarter of four vectors; packing puts
// them side by side.
HWY_INLINE void StoreBlock(IntVector s0, IntVector s1, IntVector s2,
                           IntVector s3, const float* multiplier, int32_t zero,
                           uint8_t* out) {
  const RealTag df;
  const hn::Repartition<int16_t, IntTag> words;
  const auto low = static_cast<float>(-zero);
  const auto high = static_cast<float>(255 - zero);
  const auto finish = [&](IntVector sum, int i) {
    const auto by = hn::LoadU(df, multiplier + i * kIntLanes);
    return RoundedBetween(hn::Mul(hn::ConvertTo(df, sum), by), low, high);
  };
  const auto zeros = hn::Set(words, static_cast<int16_t>(zero));
  const auto first =
      hn::Add(zeros, hn::ReorderDemote2To(words, finish(s0, 0), finish(s1, 1)));
  const auto second =
      hn::Add(zeros, hn::ReorderDemote2To(words, finish(s2, 2), finish(s3, 3)));
#if HWY_TARGET == HWY_AVX2
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                      _mm256_packus_epi16(first.raw, second.raw));
#elif HWY_TARGET <= HWY_AVX3
  _mm512_storeu_si512(out, _mm512_packus_epi16(first.raw, second.raw));
#else
  const hn::Rebind<uint8_t, decltype(words)> half;
  hn::StoreU(hn::DemoteTo(half, first), half, out);
  hn::StoreU(hn::DemoteTo(half, second), half, out + 2 * kIntLanes);
#endif
}

namespace pairs {
#define SQUINT_TAPS 2
#define SQUINT_TAP_PRODUCT AddProducts
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAPS
#undef SQUINT_TAP_PRODUCT
}  // namespace pairs

#define SQUINT_TAPS 4
namespace imitated {
#define SQUINT_TAP_PRODUCT QuadDotImitated
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAP_PRODUCT
}  // namespace imitated

#if SQUINT_QUAD_DOT
HWY_PUSH_ATTRIBUTES(SQUINT_QUAD_TARGET)
namespace native {
#define SQUINT_TAP_PRODUCT(x, w, sum) \
  IntVector { SQUINT_QUAD_DOT_RAW(x, w, sum) }
#include "squint/kernels/qconv/depthwise_block-inl.h"
#undef SQUINT_TAP_PRODUCT
}  // namespace native
HWY_POP_ATTRIBUTES
#endif
#undef SQUINT_TAPS

void RunPixel(const DepthwisePixel& pixel, int taps_at_once, bool imitate) {
  if (taps_at_once == 2) return pairs::DepthwiseChannels(pixel);
#if SQUINT_QUAD_DOT
  if (!imitate) return native::DepthwiseChannels(pixel);
#else
  (void)imitate;
#endif
  imitated::DepthwiseChannels(pixel);
}

#else  // HWY_SCALAR: one channel after the other

void RunPixel(const DepthwisePixel& p, int taps_at_once, bool) {
  const int bits = taps_at_once == 2 ? 16 : 8;
  for (int64_t c = 0; c < p.blocks * kDepthwiseChannels; ++c) {
    const int64_t block = c / kDepthwiseChannels;
    const int64_t at = p.ChannelOf(block) + c % kDepthwiseChannels;
    int32_t sum = p.bias[c];
    for (int64_t t = 0; t < p.groups * taps_at_once; ++t) {
      const int32_t joined =
          p.weights[(block * p.groups + t / taps_at_once) * 4 +
                    c % kDepthwiseChannels];
      const int32_t weight =
          joined << (32 - bits - t % taps_at_once * bits) >> (32 - bits);
      sum += p.taps[t][at] * weight;
    }
    const float v = static_cast<float>(sum) * p.multiplier[c];
    const float low = static_cast<float>(-p.zero);
    const float high = static_cast<float>(255 - p.zero);
    const float q =
        hn::GetLane(hn::Round(hn::Set(RealTag(), std::clamp(v, low, high))));
    p.out[at] = static_cast<uint8_t>(static_cast<int32_t>(q) + p.zero);
  }
}

#endif

// ---- pixels

int64_t BlocksOf(int64_t channels) {
  return (channels + kDepthwiseChannels - 1) / kDepthwiseChannels;
}

// Where the taps of one output row lie, from pixel to pixel.
class TapRow {
 public:
  TapRow(const DepthwiseLastArgs& args, int64_t image, int64_t y, int count)
      : window_(args.shape.window),
        channels_(args.shape.channels),
        border_(args.border),
        count_(count) {
    const uint8_t* start = args.input + image * window_.in_pixels() * channels_;
    for (int64_t ky = 0; ky < window_.kernel_h; ++ky) {
      const int64_t row =
          y * window_.stride_h - window_.pad_top + ky * window_.dilation_h;
      rows_[ky] = row < 0 || row >= window_.in_h
                      ? nullptr
                      : start + row * window_.in_w * channels_;
    }
  }

  // The taps of pixel x, `count` of them.
  const uint8_t* const* At(int64_t x) {
    const PlaneWindow& w = window_;
    const int64_t column = x * w.stride_w - w.pad_left;
    const bool inside = column >= 0 && column + w.span_w() <= w.in_w;
    if (inside && was_inside_) {
      for (int i = 0; i < count_; ++i) taps_[i] += steps_[i];
      return taps_;
    }
    was_inside_ = inside;
    int i = 0;
    for (int64_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int64_t kx = 0; kx < w.kernel_w; ++kx, ++i) {
        const int64_t at = column + kx * w.dilation_w;
        const bool exists = rows_[ky] != nullptr && at >= 0 && at < w.in_w;
        taps_[i] = exists ? rows_[ky] + at * channels_ : border_;
        steps_[i] = rows_[ky] != nullptr ? w.stride_w * channels_ : 0;
      }
    }
    for (; i < count_; ++i) {  // multiplied by 0
      taps_[i] = border_;
      steps_[i] = 0;
    }
    return taps_;
  }

 private:
  const PlaneWindow& window_;
  int64_t channels_;
  const uint8_t* border_;
  int count_;
  bool was_inside_ = false;
  const uint8_t* rows_[kMaxDepthwiseTaps];
  const uint8_t* taps_[kMaxDepthwiseTaps + 3];
  int64_t steps_[kMaxDepthwiseTaps + 3];
};

// Fewer channels than a block has: by way of copies of that size.
void RunNarrowPixel(DepthwisePixel pixel, int taps_at_once, bool imitate) {
  uint8_t copies[kMaxDepthwiseTaps + 3][kDepthwiseChannels] = {};
  const uint8_t* taps[kMaxDepthwiseTaps + 3];
  for (int64_t t = 0; t < pixel.groups * taps_at_once; ++t) {
    std::copy_n(pixel.taps[t], pixel.channels, copies[t]);
    taps[t] = copies[t];
  }
  uint8_t result[kDepthwiseChannels];
  uint8_t* out = pixel.out;
  pixel.taps = taps;
  pixel.out = result;
  RunPixel(pixel, taps_at_once, imitate);
  std::copy_n(result, pixel.channels, out);
}

void RunRow(const DepthwiseLastArgs& args, int64_t row, int taps_at_once,
            bool imitate) {
  const ConvShape& s = args.shape;
  const PlaneWindow& w = s.window;
  const DepthwiseFilters& f = args.filters;
  const int64_t groups = (f.taps + taps_at_once - 1) / taps_at_once;
  TapRow taps(args, row / w.out_h, row % w.out_h,
              static_cast<int>(groups * taps_at_once));
  DepthwisePixel pixel{nullptr,
                       groups,
                       s.channels,
                       BlocksOf(s.channels),
                       reinterpret_cast<const int32_t*>(f.weights.get()),
                       f.bias.data(),
                       f.multiplier.data(),
                       args.zero,
                       args.output + row * w.out_w * s.channels};
  const bool narrow = s.channels < kDepthwiseChannels;
  for (int64_t x = 0; x < w.out_w; ++x) {
    pixel.taps = taps.At(x);
    if (narrow) {
      RunNarrowPixel(pixel, taps_at_once, imitate);
    } else {
      RunPixel(pixel, taps_at_once, imitate);
    }
    pixel.out += s.channels;
  }
}

void RunDepthwiseBy(const DepthwiseLastArgs& args, ThreadPool& pool,
                    int taps_at_once, bool imitate) {
  const ConvShape& s = args.shape;
  // Pieces of some ten thousand products.
  const int64_t work = s.window.out_w * s.window.taps() * s.channels;
  const int64_t grain =
      std::max<int64_t>(1, 65536 / std::max<int64_t>(1, work));
  pool.ParallelFor(static_cast<size_t>(s.batch * s.window.out_h),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     for (size_t row = begin; row < end; ++row) {
                       RunRow(args, static_cast<int64_t>(row), taps_at_once,
                              imitate);
                     }
                   });
}

// Place i of a block's vectors -> channel of the block.
int64_t ChannelAt(int64_t i) {
  constexpr int64_t kGroup = kIntLanes >= 4 ? 4 : 1;
  const int64_t vector = i / kIntLanes;
  const int64_t lane = i % kIntLanes;
  return lane / kGroup * (4 * kGroup) + vector * kGroup + lane % kGroup;
}

DepthwiseFilters PackTaps(int64_t channels, int64_t taps, const int8_t* weights,
                          const int32_t* bias, const float* multiplier,
                          int taps_at_once) {
  const int64_t groups = (taps + taps_at_once - 1) / taps_at_once;
  const int64_t blocks = BlocksOf(channels);
  DepthwiseFilters f;
  f.channels = channels;
  f.taps = taps;
  const int64_t count = blocks * groups * kDepthwiseChannels;
  f.weights = AllocateAligned<std::byte>(count * 4);
  auto* out = reinterpret_cast<uint32_t*>(f.weights.get());
  const DepthwisePixel where{nullptr, 0,       channels, 0,      nullptr,
                             nullptr, nullptr, 0,        nullptr};
  const int bits = 32 / taps_at_once;
  const uint32_t mask = bits == 16 ? 0xFFFF : 0xFF;
  for (int64_t block = 0; block < blocks; ++block) {
    for (int64_t i = 0; i < kDepthwiseChannels; ++i) {
      const int64_t c = where.ChannelOf(block) + ChannelAt(i);
      const bool exists = c < channels;
      f.bias.push_back(exists ? bias[c] : 0);
      f.multiplier.push_back(exists ? multiplier[c] : 0);
      for (int64_t g = 0; g < groups; ++g) {
        uint32_t joined = 0;
        for (int64_t t = g * taps_at_once;
             exists && t < std::min(taps, (g + 1) * taps_at_once); ++t) {
          const auto w = static_cast<uint32_t>(int32_t{weights[c * taps + t]});
          joined |= (w & mask) << (t % taps_at_once * bits);
        }
        out[(block * groups + g) * kDepthwiseChannels + i] = joined;
      }
    }
  }
  return f;
}

DepthwiseFilters PackBestTaps(int64_t channels, int64_t taps,
                              const int8_t* weights, const int32_t* bias,
                              const float* multiplier) {
  return PackTaps(channels, taps, weights, bias, multiplier,
                  HasQuadDot() ? 4 : 2);
}
DepthwiseFilters PackFourTaps(int64_t channels, int64_t taps,
                              const int8_t* weights, const int32_t* bias,
                              const float* multiplier) {
  return PackTaps(channels, taps, weights, bias, multiplier, 4);
}
void RunBestDepthwise(const DepthwiseLastArgs& args, ThreadPool& pool) {
  RunDepthwiseBy(args, pool, HasQuadDot() ? 4 : 2, false);
}
void RunImitatedDepthwise(const DepthwiseLastArgs& args, ThreadPool& pool) {
  RunDepthwiseBy(args, pool, 4, true);
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(PackBestTaps);
HWY_EXPORT(PackFourTaps);
HWY_EXPORT(RunBestDepthwise);
HWY_EXPORT(RunImitatedDepthwise);
}  // namespace

DepthwiseFilters PackDepthwise(int64_t channels, int64_t taps,
                               const int8_t* weights, const int32_t* bias,
                               const float* multiplier) {
  return HWY_DYNAMIC_DISPATCH(PackBestTaps)(channels, taps, weights, bias,
                                            multiplier);
}
DepthwiseFilters PackDepthwiseQuads(int64_t channels, int64_t taps,
                                    const int8_t* weights, const int32_t* bias,
                                    const float* multiplier) {
  return HWY_DYNAMIC_DISPATCH(PackFourTaps)(channels, taps, weights, bias,
                                            multiplier);
}
void DepthwiseLast(const DepthwiseLastArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunBestDepthwise)(args, pool);
}
void DepthwiseLastOfQuads(const DepthwiseLastArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunImitatedDepthwise)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
