// Products of rows with packed weights: cutting into tasks, and the blocks of
// both tiles.
#include "squint/kernels/qrows/qrows.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "squint/base/threads.h"
#include "squint/kernels/simd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "squint/kernels/qrows/qrows.cc"
#include <hwy/foreach_target.h>
// After foreach_target.
#include <hwy/highway.h>

#include "squint/kernels/qgemm/widen-inl.h"
#include "squint/kernels/qrows/pack-inl.h"
#include "squint/kernels/qrows/quad-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace imitated {
constexpr bool kStoresUsual = false;
#define SQUINT_QUAD_OPERAND(bytes) bytes
#define SQUINT_QUAD_PRODUCT QuadDotImitated
#include "squint/kernels/qrows/quad_tile-inl.h"
#undef SQUINT_QUAD_OPERAND
#undef SQUINT_QUAD_PRODUCT
}  // namespace imitated

#if SQUINT_QUAD_DOT
HWY_PUSH_ATTRIBUTES(SQUINT_QUAD_TARGET)
namespace native {
constexpr bool kStoresUsual = true;
#define SQUINT_QUAD_OPERAND QuadOperand
#define SQUINT_QUAD_PRODUCT(x, w, sum) \
  IntVector { SQUINT_QUAD_DOT_RAW(x, w, sum) }
#ifdef SQUINT_QUAD_LANE_RAW
#define SQUINT_QUAD_LANE_PRODUCT(x, lane, w, sum) \
  IntVector { SQUINT_QUAD_LANE_RAW(x, lane, w, sum) }
#endif
#include "squint/kernels/qrows/quad_tile-inl.h"
#undef SQUINT_QUAD_OPERAND
#undef SQUINT_QUAD_PRODUCT
#undef SQUINT_QUAD_LANE_PRODUCT
}  // namespace native
HWY_POP_ATTRIBUTES

void QuadDotPanel(const QuadTileArgs& args, int64_t rows, int vectors) {
  native::QuadPanel(args, rows, vectors);
}
#endif

#if SQUINT_QUAD_BYTES
namespace safe {
constexpr bool kStoresUsual = false;
#define SQUINT_QUAD_OPERAND(bytes) bytes
#define SQUINT_QUAD_PRODUCT QuadDotOfBytes
#include "squint/kernels/qrows/quad_tile-inl.h"
#undef SQUINT_QUAD_OPERAND
#undef SQUINT_QUAD_PRODUCT
}  // namespace safe
#endif

// How the products of a quad are made.
enum class By : uint8_t { kDot, kBytes, kImitation };

// For kinds that the target has: see RunBest. The imitation is named where it
// is meant alone, so that a program without tests has none in it.
template <By kBy>
void QuadPanelBy([[maybe_unused]] const QuadTileArgs& args,
                 [[maybe_unused]] int64_t rows, [[maybe_unused]] int vectors) {
  if constexpr (kBy == By::kImitation) imitated::QuadPanel(args, rows, vectors);
#if SQUINT_QUAD_DOT
  if constexpr (kBy == By::kDot) QuadDotPanel(args, rows, vectors);
#endif
#if SQUINT_QUAD_BYTES
  if constexpr (kBy == By::kBytes) safe::QuadPanel(args, rows, vectors);
#endif
}

constexpr int64_t kAlign = 64;
constexpr int64_t RoundUp(int64_t count, int64_t to) {
  return (count + to - 1) / to * to;
}

// One block of rows at work, with memory of its own.
struct RowBlock {
  const RowProductArgs& args;
  const uint8_t** places;
  std::byte* memory;
  int64_t begin;
  int64_t count;
};

// ---- four-byte dot products, rows as they lie

// Bytes of one output, with what its sums begin with.
int64_t QuadBytes(const RowWeightsShape& s, bool has_start) {
  return s.taps * QuadsOf(s.depth) * kRowQuad +
         (has_start ? int64_t{sizeof(int32_t)} : 0);
}

template <By kBy>
struct QuadsBy {
  static constexpr int64_t kColumns = kQuadNr;
  static constexpr int64_t kRowCost = 1;
  static constexpr bool kHasStart = kBy == By::kDot && SQUINT_QUAD_LOWER != 0;

  static int64_t BlockRows(const RowWeightsShape&) { return 192; }
  static int64_t BlockBytes(const RowWeightsShape&, int64_t) { return 0; }

  static void Start(const RowBlock&) {}
  static void Panels(const RowBlock& block, int64_t begin, int64_t end) {
    const RowProductArgs& a = block.args;
    const RowWeightsShape& s = a.weights.shape;
    const int64_t quads = QuadsOf(s.depth);
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t column = panel * kColumns;
      const int64_t bytes = a.requantization.result_bytes();
      const int vectors = QuadVectors(column, s.outputs);
      const std::byte* data =
          a.weights.data.get() + column * QuadBytes(s, kHasStart);
      const auto* start = reinterpret_cast<const int32_t*>(data);
      if (kHasStart) data += vectors * kIntLanes * int64_t{sizeof(int32_t)};
      QuadPanelBy<kBy>(
          {.taps = s.taps,
           .quads = quads,
           .places = block.places,
           .tap_stride = block.count,
           .weights = data,
           .start = kHasStart ? start : nullptr,
           .row = block.begin,
           .rows = 0,
           .column = column,
           .columns = std::min<int64_t>(kColumns, s.outputs - column),
           .out = static_cast<uint8_t*>(a.out) + block.begin * a.out_stride +
                  column * bytes,
           .out_stride = a.out_stride,
           .requantization = a.requantization},
          block.count, vectors);
    }
  }
};

// [panel][tap][quad][output of the panel][4], zeros beyond depth and outputs;
// before a panel, if wanted, what its sums begin with.
RowWeights PackQuads(const RowWeightsShape& s, const int8_t* weights,
                     bool with_start) {
  const int64_t quads = QuadsOf(s.depth);
  const int64_t size = RoundUp(s.outputs, kIntLanes) * QuadBytes(s, with_start);
  RowWeights packed = Unfilled(s, weights, size, true);
  auto* out = reinterpret_cast<int8_t*>(packed.data.get());
  for (int64_t column = 0; column < s.outputs; column += kQuadNr) {
    const int64_t width = QuadVectors(column, s.outputs) * kIntLanes;
    for (int64_t j = column; with_start && j < column + width; ++j) {
      const int32_t start =
          j < s.outputs
              ? SQUINT_QUAD_LOWER * packed.sums[static_cast<size_t>(j)]
              : 0;
      std::memcpy(out, &start, sizeof(start));
      out += sizeof(start);
    }
    for (int64_t t = 0; t < s.taps; ++t) {
      const int8_t* from = weights + (column * s.taps + t) * s.depth;
      std::memset(out, 0, static_cast<size_t>(quads * width * kRowQuad));
      Interleave<kRowQuad>(from, s.terms(), std::min(width, s.outputs - column),
                           s.depth, width, out);
      out += quads * width * kRowQuad;
    }
  }
  return packed;
}

// ---- pairs of int16, rows widened block by block

// Weights stay bytes in memory and are widened by the tile.
struct BytePanels {
  static constexpr int64_t kMaxPairs = kQMaxBytePairs;
  const int8_t* panels;
  int64_t stride;  // bytes of a panel

  const int8_t* Get(int64_t panel, int64_t pair_begin, int64_t,
                    int16_t*) const {
    return panels + panel * stride + pair_begin * 2 * kQNr;
  }
};

struct Pairs {
  static constexpr int64_t kColumns = kQNr;
  static constexpr int64_t kRowCost = 2;  // they are widened

  static int64_t RowShorts(const RowWeightsShape& s) {
    return 2 * PairsOf(s.terms());
  }
  // The rows of a block stay in the L2 cache, and where there is little to
  // multiply for a result, the results, written panel by panel, in L1.
  static int64_t BlockRows(const RowWeightsShape& s) {
    constexpr int64_t kShorts = 96 * 1024;
    constexpr int64_t kFewTerms = 128;
    constexpr int64_t kResults = 16 * 1024;
    constexpr int64_t kStep = 24;  // whole tiles of any height
    int64_t rows = kShorts / RowShorts(s);
    if (s.terms() <= kFewTerms) rows = std::min(rows, kResults / s.outputs);
    return std::clamp(rows / kStep * kStep, kStep, kQMaxRows / kStep * kStep);
  }
  static int64_t BlockBytes(const RowWeightsShape& s, int64_t rows) {
    return RoundUp(rows * RowShorts(s) * int64_t{sizeof(int16_t)}, kAlign);
  }

  static void Start(const RowBlock& block) {
    const RowWeightsShape& s = block.args.weights.shape;
    auto* out = reinterpret_cast<int16_t*>(block.memory);
    for (int64_t i = 0; i < block.count; ++i) {
      int16_t* row = out + i * RowShorts(s);
      for (int64_t t = 0; t < s.taps; ++t) {
        WidenBytes(block.places[t * block.count + i], s.depth, 0,
                   row + t * s.depth);
      }
      if (s.terms() % 2 != 0) row[s.terms()] = 0;
    }
  }
  static void Panels(const RowBlock& block, int64_t begin, int64_t end) {
    const RowProductArgs& a = block.args;
    const RowWeightsShape& s = a.weights.shape;
    Requantization r = a.requantization;
    if (r.addition.added != nullptr) {
      r.addition.added += block.begin * r.addition.row_stride;
    }
    ComputeQRectangle(
        reinterpret_cast<const int16_t*>(block.memory),
        BytePanels{reinterpret_cast<const int8_t*>(a.weights.data.get()),
                   kQNr * RowShorts(s)},
        s.terms(), s.outputs, {0, block.count, begin, end},
        static_cast<uint8_t*>(a.out) + block.begin * a.out_stride, a.out_stride,
        r);
  }
};

// Panels of qgemm.h, narrowed.
RowWeights PackPairs(const RowWeightsShape& s, const int8_t* weights) {
  const int64_t panel = kQNr * Pairs::RowShorts(s);
  const int64_t size = RoundUp(s.outputs, kQNr) / kQNr * panel;
  RowWeights packed = Unfilled(s, weights, size, false);
  auto* out = reinterpret_cast<int8_t*>(packed.data.get());
  for (int64_t column = 0; column < s.outputs; column += kQNr) {
    std::memset(out, 0, static_cast<size_t>(panel));
    Interleave<2>(weights + column * s.terms(), s.terms(),
                  std::min<int64_t>(kQNr, s.outputs - column), s.terms(), kQNr,
                  out);
    out += panel;
  }
  return packed;
}

// ---- tasks

// A few for each thread: bands of rows times bands of panels, so that what they
// read anew is little: rows once for each band of panels (Tile::kRowCost),
// weights once for each band of rows.
struct RowGrid {
  int64_t row_tasks = 1;
  int64_t rows = 0;  // of a task
  int64_t panel_tasks = 1;
  int64_t panels = 0;  // of a task
  int64_t block = 0;   // rows at once
  int64_t table_bytes = 0;
  int64_t slot_bytes = 0;

  template <class Tile>
  static RowGrid Of(Tile, int64_t rows, const RowWeightsShape& s, int threads) {
    constexpr int64_t kFew = 12;  // rows that are worth a task
    RowGrid grid;
    const int64_t all = RoundUp(s.outputs, Tile::kColumns) / Tile::kColumns;
    const int64_t wanted = threads == 1 ? 1 : 4 * threads;
    int64_t least = std::numeric_limits<int64_t>::max();
    for (int64_t bands = 1; bands <= wanted; ++bands) {
      RowGrid cut;
      cut.rows = RoundUp((rows + bands - 1) / bands, kFew);
      cut.row_tasks = (rows + cut.rows - 1) / cut.rows;
      cut.panels = all / std::clamp<int64_t>(wanted / cut.row_tasks, 1, all);
      cut.panel_tasks = (all + cut.panels - 1) / cut.panels;
      const int64_t cost =
          cut.panel_tasks * rows * Tile::kRowCost + cut.row_tasks * s.outputs;
      // Too few tasks count as if all were read anew.
      const int64_t missing =
          std::max<int64_t>(0, wanted / 2 - cut.row_tasks * cut.panel_tasks);
      const int64_t whole = (rows + s.outputs) * wanted * Tile::kRowCost;
      if (cost + missing * whole >= least) continue;
      least = cost + missing * whole;
      grid = cut;
    }
    grid.block = std::min(grid.rows, Tile::BlockRows(s));
    grid.table_bytes = RoundUp(
        grid.block * s.taps * static_cast<int64_t>(sizeof(void*)), kAlign);
    grid.slot_bytes = grid.table_bytes + Tile::BlockBytes(s, grid.block);
    return grid;
  }
  int64_t tasks() const { return row_tasks * panel_tasks; }
};

template <class Tile>
void RunTask(const RowGrid& grid, int64_t task, const RowProductArgs& args) {
  const RowWeightsShape& s = args.weights.shape;
  auto* slot = static_cast<std::byte*>(args.scratch) + task * grid.slot_bytes;
  const int64_t from = task / grid.panel_tasks * grid.rows;
  const int64_t to = std::min(args.rows, from + grid.rows);
  const int64_t panel = task % grid.panel_tasks * grid.panels;
  const int64_t all = RoundUp(s.outputs, Tile::kColumns) / Tile::kColumns;
  for (int64_t begin = from; begin < to; begin += grid.block) {
    const RowBlock block{args, reinterpret_cast<const uint8_t**>(slot),
                         slot + grid.table_bytes, begin,
                         std::min(grid.block, to - begin)};
    args.source.Find(begin, block.count, block.places);
    Tile::Start(block);
    Tile::Panels(block, panel, std::min(all, panel + grid.panels));
  }
}

template <class Tile>
void RunTasks(const RowProductArgs& args, ThreadPool& pool) {
  const RowGrid grid =
      RowGrid::Of(Tile(), args.rows, args.weights.shape, pool.threads());
  pool.ParallelFor(static_cast<size_t>(grid.tasks()), 1,
                   [&](size_t begin, size_t end) {
                     for (size_t i = begin; i < end; ++i) {
                       RunTask<Tile>(grid, static_cast<int64_t>(i), args);
                     }
                   });
}

// No sum of two neighbouring products passes int16.
bool HasSafePairs(const RowWeightsShape& s, const int8_t* weights) {
  constexpr int kMost = 128;  // 255 * 128 < 2^15
  for (int64_t i = 0; i < s.outputs * s.taps; ++i) {
    const int8_t* tap = weights + i * s.depth;
    int most = 0;
    for (int64_t d = 0; d + 1 < s.depth; d += 2) {
      // Weights of two signs make no more than one of them.
      const int sum = std::abs(tap[d] + tap[d + 1]);
      most = std::max(most, (tap[d] ^ tap[d + 1]) < 0 ? 0 : sum);
    }
    if (most > kMost) return false;
  }
  return true;
}

RowWeights PackBest(const RowWeightsShape& shape, const int8_t* weights) {
  if (HasQuadDot()) {
    return PackQuads(shape, weights, QuadsBy<By::kDot>::kHasStart);
  }
  const bool quads = SQUINT_QUAD_BYTES && HasSafePairs(shape, weights);
  return quads ? PackQuads(shape, weights, false) : PackPairs(shape, weights);
}
RowWeights PackAsQuads(const RowWeightsShape& shape, const int8_t* weights) {
  return PackQuads(shape, weights, false);
}
void RunBest(const RowProductArgs& args, ThreadPool& pool) {
  if (HasQuadDot()) {
    RunTasks<QuadsBy<By::kDot>>(args, pool);
  } else if (args.weights.in_quads) {
    RunTasks<QuadsBy<By::kBytes>>(args, pool);
  } else {
    RunTasks<Pairs>(args, pool);
  }
}
void RunImitated(const RowProductArgs& args, ThreadPool& pool) {
  RunTasks<QuadsBy<By::kImitation>>(args, pool);
}
// Enough for either tile.
size_t Scratch(int64_t rows, const RowWeightsShape& shape, int threads) {
  const RowGrid quads = RowGrid::Of(QuadsBy<By::kDot>(), rows, shape, threads);
  const RowGrid pairs = RowGrid::Of(Pairs(), rows, shape, threads);
  return static_cast<size_t>(std::max(quads.tasks() * quads.slot_bytes,
                                      pairs.tasks() * pairs.slot_bytes));
}

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace squint {
namespace {

HWY_EXPORT(SumsOf);
HWY_EXPORT(PackBest);
HWY_EXPORT(PackAsQuads);
HWY_EXPORT(RunBest);
HWY_EXPORT(RunImitated);
HWY_EXPORT(Scratch);

}  // namespace

void PlainRows::Find(int64_t begin, int64_t count,
                     const uint8_t** places) const noexcept {
  for (int64_t i = 0; i < count; ++i) {
    places[i] = data_ + (begin + i) * stride_;
  }
}

RowWeights PackRowWeights(const RowWeightsShape& shape, const int8_t* weights) {
  return HWY_DYNAMIC_DISPATCH(PackBest)(shape, weights);
}

std::vector<int32_t> SumWeights(const int8_t* weights, int64_t outputs,
                                int64_t terms) {
  return HWY_DYNAMIC_DISPATCH(SumsOf)(weights, outputs, terms);
}

size_t RowProductScratch(int64_t rows, const RowWeightsShape& shape,
                         int threads) {
  return HWY_DYNAMIC_DISPATCH(Scratch)(rows, shape, threads);
}

void RowProduct(const RowProductArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunBest)(args, pool);
}

RowWeights PackRowQuads(const RowWeightsShape& shape, const int8_t* weights) {
  return HWY_DYNAMIC_DISPATCH(PackAsQuads)(shape, weights);
}

void RowProductOfQuads(const RowProductArgs& args, ThreadPool& pool) {
  HWY_DYNAMIC_DISPATCH(RunImitated)(args, pool);
}

}  // namespace squint
#endif  // HWY_ONCE
