// Integer convolution as a matrix product whose panels are made on the fly.
#include "squint/kernels/qconv/qconv.h"

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qconv/qconv.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qconv/qstage-inl.h"
#include "squint/kernels/qgemm/qtile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// The lanes of two int32 vectors as pairs of int16.
HWY_INLINE IntVector JoinPairs(IntVector first, IntVector second) {
  const IntTag d;
  return hn::Or(hn::And(first, hn::Set(d, 0xFFFF)), hn::ShiftLeft<16>(second));
}

// Panels from a staged image. Odd depth: the last row stands for the missing
// one, which the weights multiply by 0.
struct StagedPanels {
  static constexpr int64_t kMaxPairs = kQMaxPairs;
  const int16_t* image;
  const int64_t* offsets;
  int64_t depth;
  int64_t pixels;
  int64_t out_w;
  int64_t columns;  // of the staged plane

  const int16_t* Get(int64_t panel, int64_t pair_begin, int64_t pairs,
                     int16_t* buffer) const {
    const IntTag d;
    const hn::Rebind<int16_t, IntTag> narrow;
    PixelRun runs[kQNr];
    const int64_t pixel = panel * kQNr;
    const int found = FindRuns(pixel, std::min<int64_t>(kQNr, pixels - pixel),
                               out_w, columns, runs);
    for (int64_t p = 0; p < pairs; ++p) {
      const int64_t k = 2 * (pair_begin + p);
      const int16_t* first = image + offsets[k];
      const int16_t* second = image + offsets[std::min(k + 1, depth - 1)];
      int16_t* out = buffer + p * 2 * kQNr;
      for (int i = 0; i < found; ++i) {
        const int64_t source = runs[i].source;
        auto* target = reinterpret_cast<int32_t*>(out + 2 * runs[i].column);
        for (int64_t x = 0; x < runs[i].length; x += kIntLanes) {
          const auto low =
              hn::PromoteTo(d, hn::LoadU(narrow, first + source + x));
          const auto high =
              hn::PromoteTo(d, hn::LoadU(narrow, second + source + x));
          hn::StoreU(JoinPairs(low, high), d, target + x);
        }
      }
    }
    return buffer;
  }
};

// Panels from the bytes of a 1x1 convolution's input.
template <typename T>
struct BytePanels {
  static constexpr int64_t kMaxPairs = kQMaxPairs;
  const T* image;
  int64_t depth;
  int64_t pixels;
  int32_t zero;

  const int16_t* Get(int64_t panel, int64_t pair_begin, int64_t pairs,
                     int16_t* buffer) const {
    const int64_t pixel = panel * kQNr;
    const int64_t count = std::min<int64_t>(kQNr, pixels - pixel);
    for (int64_t p = 0; p < pairs; ++p) {
      const int64_t k = 2 * (pair_begin + p);
      FillPair(image + k * pixels + pixel,
               image + std::min(k + 1, depth - 1) * pixels + pixel, count,
               buffer + p * 2 * kQNr);
    }
    return buffer;
  }

  void FillPair(const T* first, const T* second, int64_t count,
                int16_t* out) const {
    const IntTag d;
    const hn::Rebind<T, IntTag> bytes;
    const auto zeros = hn::Set(d, zero);
    int64_t x = 0;
    for (; x + kIntLanes <= count; x += kIntLanes) {
      const auto low = hn::PromoteTo(d, hn::LoadU(bytes, first + x));
      const auto high = hn::PromoteTo(d, hn::LoadU(bytes, second + x));
      hn::StoreU(JoinPairs(hn::Sub(low, zeros), hn::Sub(high, zeros)), d,
                 reinterpret_cast<int32_t*>(out + 2 * x));
    }
    for (; x < count; ++x) {
      out[2 * x] = static_cast<int16_t>(first[x] - zero);
      out[2 * x + 1] = static_cast<int16_t>(second[x] - zero);
    }
  }
};

// The part of the requantization that belongs to a group's filters.
Requantization OfGroup(Requantization r, int64_t first_filter) {
  if (r.bias != nullptr) r.bias += first_filter * r.bias_row;
  r.multiplier += first_filter * r.multiplier_row;
  return r;
}

template <typename T>
void ComputeConv(const QuantizedConvArgs& args, int64_t group,
                 const QRectangle& area, int64_t image, uint8_t* output) {
  const ConvShape& s = args.plan.shape;
  const int64_t pixels = s.window.out_pixels();
  const int64_t filter = group * s.group_filters();
  const int16_t* weights =
      args.weights.data.get() + group * args.weights.matrix_elements;
  const Requantization requantization = OfGroup(args.requantization, filter);
  uint8_t* c = output + filter * pixels;
  if (args.plan.staging) {
    const StagedPanels panels{
        args.scratch + group * s.group_channels() * args.plan.staged.floats(),
        args.plan.offsets.data(),
        s.depth(),
        pixels,
        s.window.out_w,
        args.plan.staged.columns};
    ComputeQRectangle(weights, panels, s.depth(), pixels, area, c, pixels,
                      requantization);
  } else {
    const BytePanels<T> panels{
        static_cast<const T*>(args.input) +
            (image * s.channels + group * s.group_channels()) * pixels,
        s.depth(), pixels, args.input_zero};
    ComputeQRectangle(weights, panels, s.depth(), pixels, area, c, pixels,
                      requantization);
  }
}

template <typename T>
void StageImage(const QuantizedConvArgs& args, int64_t image,
                ThreadPool& pool) {
  const ConvPlan& plan = args.plan;
  const PlaneWindow& w = plan.shape.window;
  const int64_t size = plan.staged.floats();
  const T* planes = static_cast<const T*>(args.input) +
                    image * plan.shape.channels * w.in_pixels();
  // Pieces of at least 16 kB.
  const int64_t grain = std::max<int64_t>(1, 8192 / std::max<int64_t>(1, size));
  pool.ParallelFor(static_cast<size_t>(plan.shape.channels),
                   static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                     for (auto c = static_cast<int64_t>(begin);
                          c < static_cast<int64_t>(end); ++c) {
                       StageBytes(w, plan.staged, planes + c * w.in_pixels(),
                                  args.input_zero, args.scratch + c * size);
                     }
                   });
}

template <typename T>
void RunConvOf(const QuantizedConvArgs& args, ThreadPool& pool) {
  const ConvShape& s = args.plan.shape;
  const int64_t m = s.group_filters();
  const int64_t n = s.window.out_pixels();
  // Images that go through the pool together; staging has room for one.
  const int64_t together = args.plan.staging ? 1 : s.batch;
  const QTaskGrid grid(m, n, s.groups * together, pool.threads());
  const int64_t tasks = grid.tasks();
  auto* output = static_cast<uint8_t*>(args.output);
  for (int64_t first = 0; first < s.batch; first += together) {
    if (args.plan.staging) StageImage<T>(args, first, pool);
    pool.ParallelFor(static_cast<size_t>(together * s.groups * tasks), 1,
                     [&](size_t begin, size_t end) {
                       for (auto i = static_cast<int64_t>(begin);
                            i < static_cast<int64_t>(end); ++i) {
                         const int64_t image = first + i / (s.groups * tasks);
                         ComputeConv<T>(args, i / tasks % s.groups,
                                        grid.Area(i % tasks, m, n), image,
                                        output + image * s.filters * n);
                       }
                     });
  }
}

void RunQuantizedConv(const QuantizedConvArgs& args, ThreadPool& pool) {
  if (args.input_is_signed) {
    RunConvOf<int8_t>(args, pool);
  } else {
    RunConvOf<uint8_t>(args, pool);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {
HWY_EXPORT(RunQuantizedConv);
}  // namespace

WideMatrix WidenConvWeights(const ConvShape& shape, const void* weights,
                            bool is_signed, const int32_t* zeros,
                            int64_t zero_step) {
  const int64_t depth = shape.depth();
  const int64_t filters = shape.group_filters();
  return WideRows(filters, depth,
                  {weights, is_signed, depth, 1, zeros, zero_step},
                  shape.groups, filters * depth, filters * zero_step);
}

// The plan counts floats; int16s take half.
size_t QuantizedConvScratch(const ConvPlan& plan) {
  return plan.scratch_bytes / 2;
}

void QuantizedConv(const QuantizedConvArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunQuantizedConv)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
