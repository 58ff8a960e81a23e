// Depthwise convolution with a vector's lanes along the channels: planes of
// NCHW are turned, a row of kLanes channels at a time, into pixels of channels
// and back. Included once per Highway target by depthwise.cc.
#if defined(SQUINT_KERNELS_DEPTHWISE_CHANNELS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_DEPTHWISE_CHANNELS_INL_H_
#undef SQUINT_KERNELS_DEPTHWISE_CHANNELS_INL_H_
#else
#define SQUINT_KERNELS_DEPTHWISE_CHANNELS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "squint/kernels/clamp-inl.h"
#include "squint/kernels/depthwise/depthwise.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Rows of planes are read and written by four pixels, and computed by seven,
// which divides the usual widths.
constexpr int kQuadPixels = 4;
constexpr int kTilePixels = 7;
// Rows of turned pixels in use, on the stack.
constexpr int64_t kRingFloats = 16 * 1024;
constexpr int64_t kMaxRing = 8;  // rows, a power of two

constexpr int64_t RingRows(int64_t kernel_h) { return kernel_h <= 4 ? 4 : 8; }

// Columns of the image with its border.
inline int64_t RingColumns(const PlaneWindow& w) {
  return (w.out_w - 1) * w.stride_w + w.kernel_w;
}

// Where it is faster than sliding along the rows of a plane, too: rows that do
// not fill a vector, windows of many columns, strides, whose columns lie apart.
// Turning a large plane costs more than the 9 products of each of its pixels.
inline bool PrefersChannels(const ConvShape& s) {
  const PlaneWindow& w = s.window;
  const auto lanes = static_cast<int64_t>(HWY_LANES(float));
  const int64_t columns = RingColumns(w);
  const bool pays = w.kernel_w == 5 || w.stride_w == 2 || w.out_w < lanes;
  return pays && lanes >= kQuadPixels && s.group_filters() == 1 &&
         s.channels >= lanes && w.kernel_h == w.kernel_w &&
         (w.kernel_w == 3 || w.kernel_w == 5) && w.stride_h == w.stride_w &&
         w.stride_w <= 2 && w.dilation_h == 1 && w.dilation_w == 1 &&
         w.out_w >= kTilePixels && w.pad_left >= 0 && w.pad_top >= 0 &&
         std::min(w.in_w, columns - w.pad_left) >= kQuadPixels &&
         columns <= kRingFloats / lanes / RingRows(w.kernel_h) - w.out_w;
}

#if HWY_TARGET == HWY_SCALAR
inline void ComputeChannels(const DepthwiseArgs&, int64_t, int64_t, int64_t) {}
#else

using ChannelTag = hn::ScalableTag<float>;
using ChannelVector = hn::Vec<ChannelTag>;
constexpr int kChannels = HWY_LANES(float);

// Block b of the vector: four pixels of channel 4 b.
template <int kN>
HWY_INLINE hn::Vec<hn::FixedTag<float, kN> > LoadQuads(const float* at,
                                                       int64_t plane) {
  const hn::FixedTag<float, kN> d;
  if constexpr (kN == kQuadPixels) {
    return hn::LoadU(d, at);
  } else {
    return hn::Combine(d, LoadQuads<kN / 2>(at + kN / 2 * plane, plane),
                       LoadQuads<kN / 2>(at, plane));
  }
}

template <int kN>
HWY_INLINE void StoreQuads(hn::Vec<hn::FixedTag<float, kN> > v, float* at,
                           int64_t plane) {
  if constexpr (kN == kQuadPixels) {
    hn::StoreU(v, hn::FixedTag<float, kN>(), at);
  } else {
    const hn::FixedTag<float, kN / 2> d;
    StoreQuads<kN / 2>(hn::LowerHalf(d, v), at, plane);
    StoreQuads<kN / 2>(hn::UpperHalf(d, v), at + kN / 2 * plane, plane);
  }
}

// Rows and columns of the 4 x 4 floats in each block change places.
HWY_INLINE void TurnQuads(ChannelVector (&v)[kQuadPixels]) {
  const ChannelTag d;
  const hn::RepartitionToWide<ChannelTag> dw;
  const auto low01 = hn::BitCast(dw, hn::InterleaveLower(d, v[0], v[1]));
  const auto high01 = hn::BitCast(dw, hn::InterleaveUpper(d, v[0], v[1]));
  const auto low23 = hn::BitCast(dw, hn::InterleaveLower(d, v[2], v[3]));
  const auto high23 = hn::BitCast(dw, hn::InterleaveUpper(d, v[2], v[3]));
  v[0] = hn::BitCast(d, hn::InterleaveLower(dw, low01, low23));
  v[1] = hn::BitCast(d, hn::InterleaveUpper(dw, low01, low23));
  v[2] = hn::BitCast(d, hn::InterleaveLower(dw, high01, high23));
  v[3] = hn::BitCast(d, hn::InterleaveUpper(dw, high01, high23));
}

// `count` numbers of each channel, `plane` floats apart, as [count][channel];
// at least four. The last four end with the row.
HWY_NOINLINE void TurnRow(const float* in, int64_t plane, int64_t count,
                          float* out) {
  const ChannelTag d;
  for (int64_t i = 0; i < count; i += kQuadPixels) {
    const int64_t x = std::min(i, count - kQuadPixels);
    ChannelVector v[kQuadPixels];
#pragma GCC unroll 4
    for (int r = 0; r < kQuadPixels; ++r) {
      v[r] = LoadQuads<kChannels>(in + x + r * plane, plane);
    }
    TurnQuads(v);
#pragma GCC unroll 4
    for (int r = 0; r < kQuadPixels; ++r) {
      hn::Store(v[r], d, out + (x + r) * kChannels);
    }
  }
}

// The way back.
HWY_NOINLINE void TurnRowBack(const float* in, int64_t count, int64_t plane,
                              float* out) {
  const ChannelTag d;
  for (int64_t i = 0; i < count; i += kQuadPixels) {
    const int64_t x = std::min(i, count - kQuadPixels);
    ChannelVector v[kQuadPixels];
#pragma GCC unroll 4
    for (int r = 0; r < kQuadPixels; ++r) {
      v[r] = hn::Load(d, in + (x + r) * kChannels);
    }
    TurnQuads(v);
#pragma GCC unroll 4
    for (int r = 0; r < kQuadPixels; ++r) {
      StoreQuads<kChannels>(v[r], out + x + r * plane, plane);
    }
  }
}

// One row of results: rows [first, last) of the window, the others lie outside.
struct PixelRow {
  const float* rows[kMaxRing] = {};  // of turned pixels, by row of the window
  int64_t first = 0;
  int64_t last = 0;
  const float* weights;  // [tap][channel]
  ChannelVector bias;
  ChannelVector low;
  ChannelVector high;
  int64_t out_w;
  float* out;  // [pixel][channel]
};

// A pixel's vector is loaded once for all results of the tile whose windows
// hold it. Taps are added in their order.
template <int kW, int kS>
HWY_NOINLINE void ComputePixels(const PixelRow& p) {
  const ChannelTag d;
  for (int64_t i = 0; i < p.out_w; i += kTilePixels) {
    const int64_t x = std::min<int64_t>(i, p.out_w - kTilePixels);
    ChannelVector sum[kTilePixels];
#pragma GCC unroll 7
    for (int j = 0; j < kTilePixels; ++j) sum[j] = p.bias;
    for (int64_t ky = p.first; ky < p.last; ++ky) {
      const float* in = p.rows[ky] + x * kS * kChannels;
      ChannelVector weights[kW];
#pragma GCC unroll 5
      for (int kx = 0; kx < kW; ++kx) {
        weights[kx] = hn::Load(d, p.weights + (ky * kW + kx) * kChannels);
      }
#pragma GCC unroll 17
      for (int c = 0; c < (kTilePixels - 1) * kS + kW; ++c) {
        const auto pixel = hn::Load(d, in + c * kChannels);
#pragma GCC unroll 7
        for (int j = 0; j < kTilePixels; ++j) {
          const int kx = c - j * kS;
          if (kx < 0 || kx >= kW) continue;
          sum[j] = hn::MulAdd(weights[kx], pixel, sum[j]);
        }
      }
    }
#pragma GCC unroll 7
    for (int j = 0; j < kTilePixels; ++j) {
      hn::Store(ClampKeepNaN(sum[j], p.low, p.high), d,
                p.out + (x + j) * kChannels);
    }
  }
}

using PixelsFunction = void (*)(const PixelRow&);

inline PixelsFunction PixelsFor(const PlaneWindow& w) {
  if (w.kernel_w == 3) {
    return w.stride_w == 1 ? ComputePixels<3, 1> : ComputePixels<3, 2>;
  }
  return w.stride_w == 1 ? ComputePixels<5, 1> : ComputePixels<5, 2>;
}

// Rows [begin, end) of the results of kChannels channels from plane `plane` of
// all images on.
void ComputeChannels(const DepthwiseArgs& args, int64_t plane, int64_t begin,
                     int64_t end) {
  const ConvShape& s = args.shape;
  const PlaneWindow& w = s.window;
  const ChannelTag d;
  const int64_t channel = plane % s.channels;
  const float* in = args.input + plane * w.in_pixels();
  float* out = args.output + plane * w.out_pixels();
  HWY_ALIGN float weights[25 * kChannels];
  TurnRow(args.weights + channel * w.taps(), w.taps(), w.taps(), weights);
  HWY_ALIGN float ring[kRingFloats];
  const int64_t columns = RingColumns(w);
  const int64_t slots = RingRows(w.kernel_h);
  std::memset(ring, 0,
              static_cast<size_t>(slots * columns * kChannels) * sizeof(float));
  const int64_t count = std::min(w.in_w, columns - w.pad_left);
  const auto row_at = [&](int64_t y) {
    return ring + (y & (slots - 1)) * columns * kChannels;
  };
  PixelRow row{
      .weights = weights,
      .bias = args.bias ? hn::LoadU(d, args.bias + channel) : hn::Zero(d),
      .low = hn::Set(d, args.low),
      .high = hn::Set(d, args.high),
      .out_w = w.out_w,
      .out = ring + slots * columns * kChannels};
  const PixelsFunction compute = PixelsFor(w);
  int64_t turned = std::max<int64_t>(0, begin * w.stride_h - w.pad_top);
  for (int64_t y = begin; y < end; ++y) {
    const int64_t top = y * w.stride_h - w.pad_top;
    row.first = std::clamp<int64_t>(-top, 0, w.kernel_h);
    row.last = std::clamp<int64_t>(w.in_h - top, row.first, w.kernel_h);
    for (; turned < std::min(top + row.last, w.in_h); ++turned) {
      TurnRow(in + turned * w.in_w, w.in_pixels(), count,
              row_at(turned) + w.pad_left * kChannels);
    }
    for (int64_t ky = row.first; ky < row.last; ++ky) {
      row.rows[ky] = row_at(top + ky);
    }
    compute(row);
    TurnRowBack(row.out, w.out_w, w.out_pixels(), out + y * w.out_w);
  }
}
#endif

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_DEPTHWISE_CHANNELS_INL_H_
