#include "squint/kernels/conv/winograd.h"

#include <algorithm>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/conv/winograd.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/clamp-inl.h"
#include "squint/kernels/conv/minimal_filter-inl.h"
#include "squint/kernels/conv/stage-inl.h"
#include "squint/kernels/gemm/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

constexpr int64_t kMaxTiles = 512;  // of a block

// Floats of the parts of the scratch, of one block of tiles.
struct WinogradScratch {
  int64_t staged;
  int64_t right;     // of one of the products: panels as PackRight makes them
  int64_t products;  // of one of the products

  WinogradScratch(const WinogradPlan& plan) {
    const auto aligned = [](int64_t floats) { return (floats + 15) / 16 * 16; };
    // Sixteen products are written and read side by side: 256 bytes beyond
    // whole pages, so that they lie in different sets of the caches.
    const auto apart = [](int64_t floats) {
      constexpr int64_t kPage = 1024;
      return (floats + kPage - 1 - kPage / 16) / kPage * kPage + kPage / 16;
    };
    const StagedPlane plane(plan.tiles);
    staged = aligned(plan.shape.channels * plane.floats() + kStagingSlack);
    right = apart((plan.block + kNr - 1) / kNr * kNr * plan.shape.channels);
    products = apart(plan.shape.filters * plan.block);
  }
  int64_t floats() const {
    return staged + kFilterProducts * (right + products) + kStagingSlack;
  }
};

// Whole panels whose operands stay in the outer caches.
int64_t BlockTiles(const ConvShape& s, int64_t tiles) {
  constexpr int64_t kFloats = 3 << 16;
  const int64_t fit = kFloats / (kFilterProducts * (s.channels + s.filters));
  const int64_t block =
      std::clamp<int64_t>(fit / kNr * kNr, kNr, kMaxTiles / kNr * kNr);
  return std::min(block, tiles);
}
int64_t ScratchFloats(const WinogradPlan& plan) {
  return WinogradScratch(plan).floats();
}

// Bt d B for a vector of tiles; element (i, j) of tile 0 at in + taps[4 i + j].
HWY_INLINE void TransformTiles(const float* in, const int64_t* taps, float* out,
                               int64_t out_step) {
  const FloatTag d;
  FloatVector pixels[kFilterSide][kFilterSide];
  FloatVector done[kFilterSide][kFilterSide];
#pragma GCC unroll 16
  for (int i = 0; i < kFilterProducts; ++i) {
    pixels[i % kFilterSide][i / kFilterSide] = hn::LoadU(d, in + taps[i]);
  }
  TransformTile(pixels, done);
#pragma GCC unroll 16
  for (int i = 0; i < kFilterProducts; ++i) {
    hn::StoreU(done[i / kFilterSide][i % kFilterSide], d, out + i * out_step);
  }
}

// Tiles [begin, begin + count) of one channel to their places in the panels of
// the 16 products, `step` floats apart.
void TransformChannel(const WinogradPlan& plan, const float* staged,
                      int64_t channel, int64_t begin, int64_t count,
                      float* right, int64_t step) {
  const FloatTag d;
  constexpr int64_t kRoom = kMaxTiles + kNr + kLanes;
  HWY_ALIGN float rows[kFilterProducts * kRoom];
  const PlaneWindow& w = plan.tiles;
  const StagedPlane plane(w);
  int64_t taps[kFilterProducts];
  for (int i = 0; i < kFilterProducts; ++i) {
    taps[i] = plane.TapOffset(w, i / kFilterSide, i % kFilterSide);
  }
  PixelRun runs[kMaxTiles];
  const int found = FindRuns(begin, count, w.out_w, plane.columns, runs);
  const float* in = staged + channel * plane.floats();
  // What a run writes past its end, the next one overwrites.
  for (int i = 0; i < found; ++i) {
    for (int64_t x = 0; x < runs[i].length; x += kLanes) {
      TransformTiles(in + runs[i].source + x, taps, rows + runs[i].column + x,
                     kRoom);
    }
  }
  for (int p = 0; p < kFilterProducts; ++p) {
    float* from = rows + p * kRoom;
    std::fill(from + count, from + (count + kNr - 1) / kNr * kNr, 0.0f);
    float* to = right + p * step + channel * kNr;
    for (int64_t t = 0; t < count; t += kNr, from += kNr) {
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        hn::StoreU(hn::LoadU(d, from + v * kLanes), d, to + v * kLanes);
      }
      to += kNr * plan.shape.channels;
    }
  }
}

// Side by side: first[0], second[0], first[1], ...
HWY_INLINE void StorePixels(FloatVector first, FloatVector second, float* out) {
  const FloatTag d;
#if HWY_TARGET == HWY_SCALAR
  hn::StoreU(first, d, out);
  hn::StoreU(second, d, out + 1);
#else
  hn::StoreInterleaved2(first, second, d, out);
#endif
}

// A vector of tiles: two rows of 2 kLanes pixels.
HWY_INLINE void FinishTiles(const float* sums, int64_t step, float bias,
                            float low, float high, float* upper, float* lower) {
  const FloatTag d;
  FloatVector products[kFilterSide][kFilterSide];
  FloatVector done[2][2];
#pragma GCC unroll 16
  for (int i = 0; i < kFilterProducts; ++i) {
    products[i % kFilterSide][i / kFilterSide] = hn::LoadU(d, sums + i * step);
  }
  TransformTileSums(products, done);
  float* const out[2] = {upper, lower};
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      done[i][j] = ClampKeepNaN(hn::Add(done[i][j], hn::Set(d, bias)),
                                hn::Set(d, low), hn::Set(d, high));
    }
    StorePixels(done[i][0], done[i][1], out[i]);
  }
}

// Pixels of one filter of tiles [begin, begin + count).
void FinishFilter(const WinogradArgs& args, const float* products,
                  int64_t filter, int64_t begin, int64_t count, float* image) {
  const PlaneWindow& w = args.plan.shape.window;
  const int64_t tiles_w = args.plan.tiles.out_w;
  const int64_t step = WinogradScratch(args.plan).products;
  const float bias = args.bias != nullptr ? args.bias[filter] : 0.0f;
  const float* sums = products + filter * args.plan.block;
  float* plane = image + filter * w.out_pixels();
  PixelRun runs[kMaxTiles];
  const int found = FindRuns(begin, count, tiles_w, 0, runs);
  for (int i = 0; i < found; ++i) {
    const int64_t tile = begin + runs[i].column;
    const int64_t y = tile / tiles_w * 2;
    for (int64_t x = 0; x < runs[i].length; x += kLanes) {
      HWY_ALIGN float some[2][2 * kLanes];
      const int64_t column = (tile % tiles_w + x) * 2;
      const int64_t width =
          std::min(w.out_w - column, 2 * (runs[i].length - x));
      const bool whole = width >= 2 * kLanes;
      const bool has_lower = y + 1 < w.out_h;
      float* upper = plane + y * w.out_w + column;
      float* lower = upper + w.out_w;
      FinishTiles(sums + runs[i].column + x, step, bias, args.low, args.high,
                  whole ? upper : some[0],
                  whole && has_lower ? lower : some[1]);
      if (whole) continue;
      std::copy_n(some[0], width, upper);
      if (has_lower) std::copy_n(some[1], width, lower);
    }
  }
}

// One image, staged, block by block of tiles.
void RunImage(const WinogradArgs& args, const float* staged,
              const WinogradScratch& sizes, float* right, float* products,
              float* image, ThreadPool& pool) {
  const WinogradPlan& plan = args.plan;
  const ConvShape& s = plan.shape;
  int64_t matrices[kFilterProducts];
  for (int p = 0; p < kFilterProducts; ++p) matrices[p] = p;
  const PackedMatrix panels{
      std::shared_ptr<float[]>(std::shared_ptr<float[]>(), right), sizes.right,
      0};
  const int64_t tiles = plan.tiles.out_pixels();
  for (int64_t begin = 0; begin < tiles; begin += plan.block) {
    const int64_t count = std::min(plan.block, tiles - begin);
    const auto grain = static_cast<size_t>(std::max<int64_t>(1, 256 / count));
    pool.ParallelFor(static_cast<size_t>(s.channels), grain,
                     [&](size_t first, size_t last) {
                       for (size_t c = first; c < last; ++c) {
                         TransformChannel(plan, staged, static_cast<int64_t>(c),
                                          begin, count, right, sizes.right);
                       }
                     });
    Gemm({.m = s.filters,
          .n = count,
          .k = s.channels,
          .a = {},
          .b = {},
          .packed_a = &args.weights,
          .packed_b = &panels,
          .c = products,
          .c_stride = plan.block,
          .batch = kFilterProducts,
          .a_offsets = matrices,
          .b_offsets = matrices,
          .c_step = sizes.products},
         pool);
    pool.ParallelFor(static_cast<size_t>(s.filters), grain,
                     [&](size_t first, size_t last) {
                       for (size_t f = first; f < last; ++f) {
                         FinishFilter(args, products, static_cast<int64_t>(f),
                                      begin, count, image);
                       }
                     });
  }
}

void RunWinograd(const WinogradArgs& args, ThreadPool& pool) {
  const WinogradPlan& plan = args.plan;
  const ConvShape& s = plan.shape;
  const StagedPlane plane(plan.tiles);
  const WinogradScratch sizes(plan);
  float* staged = args.scratch;
  float* right = staged + sizes.staged;
  float* products = right + kFilterProducts * sizes.right;
  const int64_t grain = std::max<int64_t>(1, 4096 / plane.floats());
  for (int64_t image = 0; image < s.batch; ++image) {
    const float* in = args.input + image * s.channels * s.window.in_pixels();
    pool.ParallelFor(static_cast<size_t>(s.channels),
                     static_cast<size_t>(grain), [&](size_t begin, size_t end) {
                       for (auto c = static_cast<int64_t>(begin);
                            c < static_cast<int64_t>(end); ++c) {
                         StagePlane(plan.tiles, plane,
                                    in + c * s.window.in_pixels(), 0.0f,
                                    staged + c * plane.floats());
                       }
                     });
    RunImage(args, staged, sizes, right, products,
             args.output + image * s.filters * s.window.out_pixels(), pool);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(BlockTiles);
HWY_EXPORT(ScratchFloats);
HWY_EXPORT(RunWinograd);

// out[4] = G in[3], elements `step` apart.
void TransformWeights(const float* in, int64_t in_step, float* out,
                      int64_t out_step) {
  const float a = in[0];
  const float b = in[in_step];
  const float c = in[2 * in_step];
  out[0] = a;
  out[out_step] = (a + b + c) * 0.5F;
  out[2 * out_step] = (a - b + c) * 0.5F;
  out[3 * out_step] = c;
}

}  // namespace

bool WinogradPays(const ConvShape& s) {
  constexpr int64_t kChannels = 16;
  constexpr int64_t kTiles = 16;
  const PlaneWindow& w = s.window;
  return w.kernel_h == 3 && w.kernel_w == 3 && w.stride_h == 1 &&
         w.stride_w == 1 && w.dilation_h == 1 && w.dilation_w == 1 &&
         s.groups == 1 && s.channels >= kChannels && s.filters >= kChannels &&
         (w.out_h + 1) / 2 * ((w.out_w + 1) / 2) >= kTiles;
}

WinogradPlan::WinogradPlan(const ConvShape& conv)
    : shape(conv), tiles(conv.window) {
  tiles.kernel_h = tiles.kernel_w = 4;
  tiles.stride_h = tiles.stride_w = 2;
  tiles.out_h = (conv.window.out_h + 1) / 2;
  tiles.out_w = (conv.window.out_w + 1) / 2;
  block = HWY_DYNAMIC_DISPATCH(BlockTiles)(shape, tiles.out_pixels());
  scratch_bytes =
      static_cast<size_t>(HWY_DYNAMIC_DISPATCH(ScratchFloats)(*this)) *
      sizeof(float);
}

PackedMatrix PackWinogradWeights(const ConvShape& s, const float* weights) {
  const int64_t count = s.filters * s.channels;
  std::vector<float> products(static_cast<size_t>(16 * count));
  for (int64_t i = 0; i < count; ++i) {
    float columns[4][3];
    for (int x = 0; x < 3; ++x) {
      TransformWeights(weights + 9 * i + x, 3, &columns[0][x], 3);
    }
    for (int y = 0; y < 4; ++y) {
      TransformWeights(columns[y], 1, products.data() + 4 * y * count + i,
                       count);
    }
  }
  return PackLeft(s.filters, s.channels, {products.data(), s.channels, 1}, 16,
                  count);
}

void WinogradConv(const WinogradArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunWinograd)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
