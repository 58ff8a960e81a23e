// The register tile of qgemm.h and the loops around it for one rectangle of
// C. Included once per Highway target by qgemm.cc and qconv.cc, which differ
// in where panels come from.
#if defined(SQUINT_KERNELS_QGEMM_QTILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_QGEMM_QTILE_INL_H_
#undef SQUINT_KERNELS_QGEMM_QTILE_INL_H_
#else
#define SQUINT_KERNELS_QGEMM_QTILE_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "squint/kernels/qgemm/qpairs-inl.h"
#include "squint/kernels/qgemm/requantization.h"
#include "squint/kernels/qgemm/requantize-inl.h"
#include "squint/kernels/qgemm/tile_store-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

// Rows and vectors of the tile: accumulators, one step's vectors of B, one
// broadcast of A and one product must fit the registers (32 with AVX-512 and
// NEON, else 16).
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kQMr = 8;
constexpr int kQNv = 2;
#elif HWY_TARGET == HWY_AVX2
constexpr int kQMr = 6;
constexpr int kQNv = 2;
#else
constexpr int kQMr = 4;
constexpr int kQNv = 2;
#endif
constexpr int kQNr = kQNv * kIntLanes;
// A block of a panel fits the L1 cache beside the rows: 24 kB with AVX2.
constexpr int64_t kQMaxPairs = 192;
// Panels of bytes take half of that.
constexpr int64_t kQMaxBytePairs = 2 * kQMaxPairs;
// Rows of one rectangle at most: its partial sums lie on the stack.
constexpr int64_t kQMaxRows = 1024;

constexpr int64_t PairsOf(int64_t k) { return (k + 1) / 2; }

// Where one tile goes. `partial`: kQNr sums a row, of the blocks of k before
// and after.
struct QTileOutput {
  uint8_t* c;
  int64_t c_stride;
  int64_t row;  // of C, for bias and multiplier
  int64_t column;
  int64_t rows;     // at most kQMr
  int64_t columns;  // at most kQNr
  int32_t* partial;
  bool first;
  bool last;
  const Requantization& requantization;
};

// kRows x kQNr sums over `pairs` steps; a: rows, a_stride int16s apart.
// T: int16_t or int8_t.
template <int kRows, typename T>
HWY_NOINLINE void QTile(int64_t pairs, const int16_t* HWY_RESTRICT a,
                        int64_t a_stride, const T* HWY_RESTRICT b,
                        const QTileOutput& out) {
  const IntTag d;
  IntVector sum[kRows][kQNv];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kQNv; ++v) {
      sum[r][v] = out.first
                      ? hn::Zero(d)
                      : hn::LoadU(d, out.partial + r * kQNr + v * kIntLanes);
    }
  }
  int64_t p = 0;
#ifdef SQUINT_PAIRS_BY_LANES
  for (; p + kPairsOfVector <= pairs; p += kPairsOfVector) {
    AddFourPairs(a + 2 * p, a_stride, b, sum);
    b += kPairsOfVector * 2 * kQNr;
  }
#endif
  for (; p < pairs; ++p) {
    AddPair(a + 2 * p, a_stride, b, sum);
    b += 2 * kQNr;
  }
  if (!out.last) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kQNv; ++v) {
        hn::StoreU(sum[r][v], d, out.partial + r * kQNr + v * kIntLanes);
      }
    }
    return;
  }
  StoreTile(sum, {out.c, out.c_stride, out.row, kRows, out.column, out.columns,
                  out.requantization});
}

template <typename T>
HWY_INLINE void QTileFor(int64_t pairs, const int16_t* a, int64_t a_stride,
                         const T* b, const QTileOutput& out) {
  switch (out.rows) {
    case 1:
      return QTile<1>(pairs, a, a_stride, b, out);
    case 2:
      return QTile<2>(pairs, a, a_stride, b, out);
    case 3:
      return QTile<3>(pairs, a, a_stride, b, out);
    case 4:
      return QTile<4>(pairs, a, a_stride, b, out);
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON || HWY_TARGET == HWY_AVX2
    case 5:
      return QTile<5>(pairs, a, a_stride, b, out);
    case 6:
      return QTile<6>(pairs, a, a_stride, b, out);
#endif
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
    case 7:
      return QTile<7>(pairs, a, a_stride, b, out);
    default:
      return QTile<8>(pairs, a, a_stride, b, out);
#else
    default:
      return;  // kQMr rows at most
#endif
  }
}

// Rows and panels of C; row_begin may be any, at most kQMaxRows of them.
struct QRectangle {
  int64_t row_begin;
  int64_t row_end;
  int64_t panel_begin;
  int64_t panel_end;
};

// A source of panels has
//   Get(panel, pair_begin, pairs, buffer):
// that block of a panel, where it lies or in `buffer`, as int16 or int8, and
//   kMaxPairs: of a block.
template <class Panels>
HWY_NOINLINE void ComputeQRectangle(const int16_t* a, const Panels& panels,
                                    int64_t k, int64_t n,
                                    const QRectangle& area, uint8_t* c,
                                    int64_t c_stride,
                                    const Requantization& requantization) {
  // Whole vectors are written: some may reach beyond the last column.
  HWY_ALIGN int16_t buffer[kQMaxPairs * 2 * kQNr + 2 * kIntLanes];
  HWY_ALIGN int32_t partial[kQMaxRows * kQNr];
  const int64_t all = PairsOf(k);
  const int64_t blocks =
      std::max<int64_t>(1, (all + Panels::kMaxPairs - 1) / Panels::kMaxPairs);
  const int64_t block = std::max<int64_t>(1, (all + blocks - 1) / blocks);
  const int64_t stride = 2 * all;
  for (int64_t panel = area.panel_begin; panel < area.panel_end; ++panel) {
    const int64_t column = panel * kQNr;
    for (int64_t begin = 0; begin == 0 || begin < all; begin += block) {
      const int64_t pairs = std::min(block, all - begin);
      const auto* b = panels.Get(panel, begin, pairs, buffer);
      for (int64_t row = area.row_begin; row < area.row_end; row += kQMr) {
        const QTileOutput out{
            c + row * c_stride + column * requantization.result_bytes(),
            c_stride,
            row,
            column,
            std::min<int64_t>(kQMr, area.row_end - row),
            std::min<int64_t>(kQNr, n - column),
            partial + (row - area.row_begin) * kQNr,
            begin == 0,
            begin + pairs >= all,
            requantization};
        QTileFor(pairs, a + row * stride + 2 * begin, stride, b, out);
      }
    }
  }
}

// How C is cut into tasks, about four for each thread: panels first, since a
// task makes its panels once, then rows.
struct QTaskGrid {
  int64_t rows;
  int64_t panels;
  int64_t row_tasks;
  int64_t panel_tasks;

  QTaskGrid(int64_t m, int64_t n, int64_t repeats, int threads) {
    const int64_t all_panels = std::max<int64_t>(1, (n + kQNr - 1) / kQNr);
    const int64_t wanted =
        (threads == 1 ? 1 : 4 * threads + repeats - 1) / repeats;
    panel_tasks = std::clamp<int64_t>(wanted, 1, all_panels);
    panels = (all_panels + panel_tasks - 1) / panel_tasks;
    panel_tasks = (all_panels + panels - 1) / panels;
    row_tasks = std::max<int64_t>((m + kQMaxRows - 1) / kQMaxRows,
                                  (wanted + panel_tasks - 1) / panel_tasks);
    rows = (m + row_tasks - 1) / row_tasks;
    rows = std::max<int64_t>(kQMr, (rows + kQMr - 1) / kQMr * kQMr);
    rows = std::min<int64_t>(rows, kQMaxRows / kQMr * kQMr);
    row_tasks = (m + rows - 1) / rows;
  }
  int64_t tasks() const { return row_tasks * panel_tasks; }
  QRectangle Area(int64_t task, int64_t m, int64_t n) const {
    const int64_t row = task % row_tasks * rows;
    const int64_t panel = task / row_tasks * panels;
    return {row, std::min(m, row + rows), panel,
            std::min((n + kQNr - 1) / kQNr, panel + panels)};
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_QGEMM_QTILE_INL_H_
