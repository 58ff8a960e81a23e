// Integer depthwise convolution, plane by plane: two taps at a time, their
// pixels side by side as pairs of int16.
#include "squint/base/threads.h"
#include "squint/kernels/qconv/qconv.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qconv/qdepthwise.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qconv/qstage-inl.h"
#include "squint/kernels/qgemm/qtile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// int16s of a band on the stack: the 64 kB of kBandFloats.
constexpr int64_t kBandShorts = 2 * kBandFloats;

// One filter: its taps' places in the staged band and their weights, in
// pairs, the last one filled up with weight 0.
struct Taps {
  int64_t offsets[kMaxBandTaps + 1];
  int32_t weights[(kMaxBandTaps + 1) / 2];  // two int16 each
  int64_t pairs;

  Taps(const PlaneWindow& w, const StagedPlane& staged, const int16_t* filter)
      : pairs(PairsOf(w.taps())) {
    int64_t count = 0;
    for (int64_t ky = 0; ky < w.kernel_h; ++ky) {
      for (int64_t kx = 0; kx < w.kernel_w; ++kx) {
        offsets[count++] = staged.TapOffset(w, ky, kx);
      }
    }
    if (count % 2 != 0) offsets[count] = offsets[count - 1];
    // Rows of WideMatrix are padded to even length with 0.
    std::memcpy(weights, filter, static_cast<size_t>(pairs) * sizeof(int32_t));
  }
};

constexpr int64_t kStep = HWY_TARGET == HWY_SCALAR ? 1 : 2 * kIntLanes;

// kStep pixels of an output row.
HWY_INLINE void DepthwisePixels(const Taps& taps, const int16_t* row,
                                const Requantization& r, int64_t filter,
                                uint8_t* out) {
#if HWY_TARGET == HWY_SCALAR
  int32_t sum = 0;
  for (int64_t t = 0; t < 2 * taps.pairs; ++t) {
    const int32_t pair = taps.weights[t / 2];
    const auto weight =
        static_cast<int16_t>(t % 2 == 0 ? pair & 0xFFFF : pair >> 16);
    sum += row[taps.offsets[t]] * weight;
  }
  StoreRequantized(hn::Set(IntTag(), sum), r, filter, 0, 1, out);
#else
  const IntTag d;
  const hn::Repartition<int16_t, IntTag> ds;
  auto low = hn::Zero(d);
  auto high = hn::Zero(d);
  for (int64_t p = 0; p < taps.pairs; ++p) {
    const auto first = hn::LoadU(ds, row + taps.offsets[2 * p]);
    const auto second = hn::LoadU(ds, row + taps.offsets[2 * p + 1]);
    const auto weights = hn::Set(d, taps.weights[p]);
    low = AddProducts(hn::BitCast(d, hn::InterleaveLower(ds, first, second)),
                      weights, low);
    high = AddProducts(hn::BitCast(d, hn::InterleaveUpper(ds, first, second)),
                       weights, high);
  }
  // Interleaving went block by block, and so does this, back again.
  const auto q =
      hn::ReorderDemote2To(ds, Requantized(low, r, filter, 0, kIntLanes),
                           Requantized(high, r, filter, 0, kIntLanes));
  const hn::Rebind<uint8_t, decltype(ds)> du;
  const hn::Rebind<int8_t, decltype(ds)> di;
  const auto bytes =
      r.is_signed ? hn::BitCast(du, hn::DemoteTo(di, q)) : hn::DemoteTo(du, q);
  hn::StoreU(bytes, du, out);
#endif
}

void DepthwiseRow(const Taps& taps, const int16_t* row, int64_t width,
                  const Requantization& r, int64_t filter, uint8_t* out) {
  int64_t x = 0;
  for (; x + kStep <= width; x += kStep) {
    DepthwisePixels(taps, row + x, r, filter, out + x);
  }
  if (x == width) return;
  if (width >= kStep) {  // again, ending with the row
    x = width - kStep;
    DepthwisePixels(taps, row + x, r, filter, out + x);
    return;
  }
  HWY_ALIGN uint8_t rest[kStep];
  DepthwisePixels(taps, row, r, filter, rest);
  std::memcpy(out, rest, static_cast<size_t>(width));
}

template <typename T>
void DepthwisePlane(const QuantizedConvArgs& args, int64_t filter,
                    const T* plane, uint8_t* out) {
  HWY_ALIGN int16_t band[kBandShorts + kStagingSlack];
  const PlaneWindow& w = args.plan.shape.window;
  int64_t rows = w.out_h;
  while (StagedPlane(BandWindow(w, 0, rows)).floats() > kBandShorts) {
    rows = (rows + 1) / 2;
  }
  const ConvShape& s = args.plan.shape;
  const int64_t group = filter / s.group_filters();
  const int16_t* weights = args.weights.data.get() +
                           group * args.weights.matrix_elements +
                           filter % s.group_filters() * 2 * PairsOf(s.depth());
  for (int64_t y = 0; y < w.out_h; y += rows) {
    const PlaneWindow part = BandWindow(w, y, std::min(w.out_h, y + rows));
    const StagedPlane layout(part);
    StageBytes(part, layout, plane, args.input_zero, band);
    const Taps taps(part, layout, weights);
    for (int64_t i = 0; i < part.out_h; ++i) {
      DepthwiseRow(taps, band + i * layout.columns, w.out_w,
                   args.requantization, filter, out + (y + i) * w.out_w);
    }
  }
}

template <typename T>
void DepthwiseRange(const QuantizedConvArgs& args, int64_t begin, int64_t end) {
  const ConvShape& s = args.plan.shape;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t image = i / s.filters;
    const int64_t filter = i % s.filters;
    const int64_t channel = filter / s.group_filters();
    DepthwisePlane(
        args, filter,
        static_cast<const T*>(args.input) +
            (image * s.channels + channel) * s.window.in_pixels(),
        static_cast<uint8_t*>(args.output) + i * s.window.out_pixels());
  }
}

void RunQuantizedDepthwise(const QuantizedConvArgs& args, ThreadPool& pool) {
  const ConvShape& s = args.plan.shape;
  // Pieces of some ten thousand products.
  const int64_t work = s.window.out_pixels() * s.window.taps();
  const int64_t grain =
      std::max<int64_t>(1, 32768 / std::max<int64_t>(1, work));
  pool.ParallelFor(static_cast<size_t>(s.batch * s.filters),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     const auto from = static_cast<int64_t>(begin);
                     const auto to = static_cast<int64_t>(end);
                     if (args.input_is_signed) {
                       DepthwiseRange<int8_t>(args, from, to);
                     } else {
                       DepthwiseRange<uint8_t>(args, from, to);
                     }
                   });
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(RunQuantizedDepthwise);
}  // namespace

bool QuantizedDepthwiseFits(const ConvShape& shape) {
  return shape.groups == shape.channels && FitsBand(shape.window);
}

void QuantizedDepthwise(const QuantizedConvArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunQuantizedDepthwise)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
