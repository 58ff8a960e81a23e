#include "squint/kernels/qconv/winograd_last.h"

#include <algorithm>

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/qrows/qrows.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qconv/winograd_last.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/conv/minimal_filter-inl.h"
#include "squint/kernels/qgemm/qtile-inl.h"
#include "squint/kernels/qrows/quad-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

constexpr int64_t kTiles = 24;  // of a block: whole tiles of registers

int64_t RoundUp(int64_t count, int64_t to) {
  return (count + to - 1) / to * to;
}

// Blocks of tiles and panels of filters as tasks; scratch for each.
struct WinogradGrid {
  int64_t tiles_h;
  int64_t tiles_w;
  int64_t tiles;  // of all images
  int64_t block;  // tiles
  int64_t blocks;
  int64_t block_tasks;  // with several blocks each
  int64_t panels;
  int64_t panel_tasks;
  int64_t row;  // int16 of a tile
  int64_t slot_bytes;

  WinogradGrid(const ConvShape& s, int threads) {
    tiles_h = (s.window.out_h + 1) / 2;
    tiles_w = (s.window.out_w + 1) / 2;
    tiles = s.batch * tiles_h * tiles_w;
    blocks = (tiles + kTiles - 1) / kTiles;
    block = RoundUp((tiles + blocks - 1) / blocks, kQMr);
    blocks = (tiles + block - 1) / block;
    const int64_t wanted = threads == 1 ? 1 : 4 * threads;
    block_tasks = std::min(blocks, wanted);
    panels = s.filters / kQNr;
    panel_tasks = std::clamp<int64_t>(wanted / (2 * block_tasks), 1, panels);
    row = 2 * PairsOf(s.channels);
    slot_bytes = RoundUp(
        kFilterProducts * block * row * static_cast<int64_t>(sizeof(int16_t)),
        64);
  }
  int64_t tasks() const { return block_tasks * panel_tasks; }
};

using ShortTag = hn::ScalableTag<int16_t>;
using ShortVector = hn::Vec<ShortTag>;

// Bt d B for a vector of channels of one tile; product p goes to
// out + p * step.
HWY_INLINE void TransformVector(const uint8_t* const* pixels, int64_t channel,
                                uint8_t flip, int16_t* out, int64_t step) {
  const ShortTag d;
  const hn::Rebind<uint8_t, ShortTag> bytes;
  const auto flips = hn::Set(bytes, flip);
  ShortVector columns[kFilterSide][kFilterSide];  // [x][y]
  ShortVector done[kFilterSide][kFilterSide];
#pragma GCC unroll 16
  for (int i = 0; i < kFilterProducts; ++i) {
    const auto in = hn::LoadU(bytes, pixels[i] + channel);
    columns[i % kFilterSide][i / kFilterSide] =
        hn::PromoteTo(d, hn::Xor(in, flips));
  }
  TransformTile(columns, done);
#pragma GCC unroll 16
  for (int i = 0; i < kFilterProducts; ++i) {
    hn::StoreU(done[i / kFilterSide][i % kFilterSide], d, out + i * step);
  }
}

// Tile `index` of all images to row `row` of the 16 matrices.
void TransformPixels(const ByteWinogradArgs& args, const WinogradGrid& grid,
                     int64_t index, int64_t row, int16_t* matrices) {
  const PlaneWindow& w = args.shape.window;
  const int64_t channels = args.shape.channels;
  const int64_t x = index % grid.tiles_w * 2 - w.pad_left;
  const int64_t y = index / grid.tiles_w % grid.tiles_h * 2 - w.pad_top;
  const int64_t image = index / (grid.tiles_w * grid.tiles_h);
  const uint8_t* in = static_cast<const uint8_t*>(args.input) +
                      image * w.in_pixels() * args.input_stride;
  const uint8_t flip = args.input_is_signed ? 0x80 : 0;
  const uint8_t* pixels[kFilterProducts];
  for (int i = 0; i < kFilterProducts; ++i) {
    const int64_t at_y = y + i / kFilterSide;
    const int64_t at_x = x + i % kFilterSide;
    const bool inside =
        at_y >= 0 && at_y < w.in_h && at_x >= 0 && at_x < w.in_w;
    pixels[i] =
        inside ? in + (at_y * w.in_w + at_x) * args.input_stride : args.border;
  }
  constexpr int64_t kN = HWY_LANES(int16_t);
  for (int64_t c = 0; c < channels; c += kN) {
    // The last vector ends with the last channel.
    const int64_t at = std::min(c, channels - kN);
    TransformVector(pixels, at, flip, matrices + row * grid.row + at,
                    grid.block * grid.row);
  }
}

// At m A of a vector of filters, a quarter of it: the direct sums of the
// pixels (0, 0), (0, 1), (1, 0) and (1, 1).
HWY_INLINE void DirectSums(const int32_t* sums, int64_t step,
                           IntVector (&pixels)[4]) {
  const IntTag d;
  IntVector products[kFilterSide][kFilterSide];
  IntVector done[2][2];
#pragma GCC unroll 16
  for (int i = 0; i < kFilterProducts; ++i) {
    products[i % kFilterSide][i / kFilterSide] = hn::Load(d, sums + i * step);
  }
  TransformTileSums(products, done);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    pixels[i] = hn::ShiftRight<2>(done[i / 2][i % 2]);
  }
}

// Sums of one panel, [product][tile][filter], to the result.
template <class Columns>
HWY_NOINLINE void FinishTiles(const ByteWinogradArgs& args,
                              const WinogradGrid& grid, int64_t first,
                              int64_t count, int64_t column,
                              const int32_t* sums) {
  const PlaneWindow& w = args.shape.window;
  const Columns columns(args.requantization, column);
  const int64_t stride = args.output_stride;
  for (int64_t t = 0; t < count; ++t) {
    IntVector upper[4];
    IntVector lower[4];
    DirectSums(sums + t * kQNr, kTiles * kQNr, upper);
    DirectSums(sums + t * kQNr + kIntLanes, kTiles * kQNr, lower);
    const int64_t index = first + t;
    const int64_t x = index % grid.tiles_w * 2;
    const int64_t y = index / grid.tiles_w % grid.tiles_h * 2;
    const int64_t image = index / (grid.tiles_w * grid.tiles_h);
#pragma GCC unroll 2
    for (int i = 0; i < 2; ++i) {
      if (y + i >= w.out_h) break;
      const int64_t pixel = (image * w.out_h + y + i) * w.out_w + x;
      uint8_t* out = args.output + pixel * stride + column;
      columns.Store(upper[2 * i], lower[2 * i], pixel, 0, out);
      if (x + 1 >= w.out_w) continue;
      columns.Store(upper[2 * i + 1], lower[2 * i + 1], pixel + 1, 0,
                    out + stride);
    }
  }
}

void Finish(const ByteWinogradArgs& args, const WinogradGrid& grid,
            int64_t first, int64_t count, int64_t column, const int32_t* sums) {
  if (args.requantization.addition.added != nullptr) {
    FinishTiles<ColumnStore<true, true>>(args, grid, first, count, column,
                                         sums);
  } else {
    FinishTiles<ColumnStore<false, true>>(args, grid, first, count, column,
                                          sums);
  }
}

// Panels [panel, panel_end) of one block of tiles.
void RunBlock(const ByteWinogradArgs& args, const WinogradGrid& grid,
              int64_t first, int64_t panel, int64_t panel_end,
              int16_t* matrices) {
  HWY_ALIGN int32_t sums[kFilterProducts * kTiles * kQNr];
  const int64_t count = std::min(grid.block, grid.tiles - first);
  for (int64_t t = 0; t < count; ++t) {
    TransformPixels(args, grid, first + t, t, matrices);
  }
  const int64_t pairs = grid.row / 2;
  const int64_t panel_shorts = grid.row * kQNr;  // of one product
  const auto* weights =
      reinterpret_cast<const int16_t*>(args.weights.data.get());
  for (; panel < panel_end; ++panel) {
    for (int p = 0; p < kFilterProducts; ++p) {
      const int16_t* a = matrices + p * grid.block * grid.row;
      const int16_t* b = weights + (panel * kFilterProducts + p) * panel_shorts;
      for (int64_t t = 0; t < count; t += kQMr) {
        QTileFor(pairs, a + t * grid.row, grid.row, b,
                 {.c = nullptr,
                  .c_stride = 0,
                  .row = 0,
                  .column = 0,
                  .rows = std::min<int64_t>(kQMr, count - t),
                  .columns = kQNr,
                  .partial = sums + (p * kTiles + t) * kQNr,
                  .first = true,
                  .last = false,
                  .requantization = args.requantization});
      }
    }
    Finish(args, grid, first, count, panel * kQNr, sums);
  }
}

void RunByteWinograd(const ByteWinogradArgs& args, ThreadPool& pool) {
  const WinogradGrid grid(args.shape, pool.threads());
  pool.ParallelFor(
      static_cast<size_t>(grid.tasks()), 1, [&](size_t begin, size_t end) {
        for (auto task = static_cast<int64_t>(begin);
             task < static_cast<int64_t>(end); ++task) {
          auto* slot =
              static_cast<std::byte*>(args.scratch) + task * grid.slot_bytes;
          const int64_t part = task % grid.panel_tasks;
          const int64_t blocks = task / grid.panel_tasks;
          const auto share = [](int64_t i, int64_t of, int64_t all) {
            return i * all / of;
          };
          for (int64_t b = share(blocks, grid.block_tasks, grid.blocks);
               b < share(blocks + 1, grid.block_tasks, grid.blocks); ++b) {
            RunBlock(args, grid, b * grid.block,
                     share(part, grid.panel_tasks, grid.panels),
                     share(part + 1, grid.panel_tasks, grid.panels),
                     reinterpret_cast<int16_t*>(slot));
          }
        }
      });
}

size_t ScratchBytes(const ConvShape& shape, int threads) {
  const WinogradGrid grid(shape, threads);
  return static_cast<size_t>(grid.tasks() * grid.slot_bytes);
}

bool Pays(const ConvShape& s) {
  constexpr int64_t kLeast = 16;   // channels, tiles
  constexpr int64_t kMost = 1800;  // channels: 4 * 9 * 255 * 128 each, in int32
  const PlaneWindow& w = s.window;
  return !HasQuadDot() && w.kernel_h == 3 && w.kernel_w == 3 &&
         w.stride_h == 1 && w.stride_w == 1 && w.dilation_h == 1 &&
         w.dilation_w == 1 && s.groups == 1 && s.channels >= kLeast &&
         s.channels >= int64_t{HWY_LANES(int16_t)} && s.channels <= kMost &&
         s.filters % kQNr == 0 &&
         (w.out_h + 1) / 2 * ((w.out_w + 1) / 2) >= kLeast;
}

// 2 G in.
HWY_INLINE void TransformWeights(const ShortVector (&in)[3],
                                 ShortVector (&out)[kFilterSide]) {
  const auto ends = hn::Add(in[0], in[2]);
  out[0] = hn::Add(in[0], in[0]);
  out[1] = hn::Add(ends, in[1]);
  out[2] = hn::Sub(ends, in[1]);
  out[3] = hn::Add(in[2], in[2]);
}

// 2 G g 2 Gt for a vector of [filter][pair of channels]; taps[t * kPair] holds
// tap t. Product p goes to out + p * step.
constexpr int64_t kPair = 2 * kQNr;
HWY_INLINE void PackVector(const int16_t* taps, int16_t* out, int64_t step) {
  const ShortTag d;
  ShortVector columns[3][kFilterSide];  // [x][y]
#pragma GCC unroll 3
  for (int x = 0; x < 3; ++x) {
    const ShortVector column[3] = {hn::LoadU(d, taps + x * kPair),
                                   hn::LoadU(d, taps + (3 + x) * kPair),
                                   hn::LoadU(d, taps + (6 + x) * kPair)};
    TransformWeights(column, columns[x]);
  }
#pragma GCC unroll 4
  for (int y = 0; y < kFilterSide; ++y) {
    const ShortVector row[3] = {columns[0][y], columns[1][y], columns[2][y]};
    ShortVector done[kFilterSide];
    TransformWeights(row, done);
#pragma GCC unroll 4
    for (int x = 0; x < kFilterSide; ++x) {
      hn::StoreU(done[x], d, out + (kFilterSide * y + x) * step);
    }
  }
}

// [panel][product][pair of channels][filter][2].
void PackWeights(const ConvShape& s, const int8_t* weights, int16_t* out) {
  const int64_t pairs = PairsOf(s.channels);
  const int64_t step = pairs * kPair;
  for (int64_t i = 0; i < s.filters / kQNr * pairs; ++i) {
    const int64_t panel = i / pairs;
    const int64_t pair = i % pairs;
    HWY_ALIGN int16_t taps[9 * kPair] = {};
    for (int64_t f = 0; f < kQNr; ++f) {
      const int8_t* from =
          weights + (panel * kQNr + f) * s.depth() + pair * 2 * 9;
      for (int64_t c = 0; c < std::min<int64_t>(2, s.channels - 2 * pair);
           ++c) {
        for (int t = 0; t < 9; ++t)
          taps[t * kPair + 2 * f + c] = from[9 * c + t];
      }
    }
    int16_t* place = out + panel * kFilterProducts * step + pair * kPair;
    for (int64_t v = 0; v < kPair; v += HWY_LANES(int16_t)) {
      PackVector(taps + v, place + v, step);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(RunByteWinograd);
HWY_EXPORT(ScratchBytes);
HWY_EXPORT(Pays);
HWY_EXPORT(PackWeights);

}  // namespace

bool ByteWinogradPays(const ConvShape& shape) {
  return HWY_DYNAMIC_DISPATCH(Pays)(shape);
}

ByteWinogradWeights PackByteWinograd(const ConvShape& s,
                                     const int8_t* weights) {
  ByteWinogradWeights packed;
  packed.sums = SumWeights(weights, s.filters, s.depth());
  packed.data =
      AllocateAligned<std::byte>(16 * s.filters * ((s.channels + 1) / 2 * 2) *
                                 static_cast<int64_t>(sizeof(int16_t)));
  HWY_DYNAMIC_DISPATCH(PackWeights)
  (s, weights, reinterpret_cast<int16_t*>(packed.data.get()));
  return packed;
}

size_t ByteWinogradScratch(const ConvShape& shape, int threads) {
  return HWY_DYNAMIC_DISPATCH(ScratchBytes)(shape, threads);
}

void ByteWinogradConv(const ByteWinogradArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunByteWinograd)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
