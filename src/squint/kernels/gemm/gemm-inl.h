// The loops around the register tile (tile-inl.h) for one rectangle of C.
// Included once per Highway target by gemm.cc and conv.cc, which differ in
// where panels come from and how the work is cut into rectangles.
#if defined(SQUINT_KERNELS_GEMM_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SQUINT_KERNELS_GEMM_GEMM_INL_H_
#undef SQUINT_KERNELS_GEMM_GEMM_INL_H_
#else
#define SQUINT_KERNELS_GEMM_GEMM_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "squint/kernels/gemm/gemm.h"
#include "squint/kernels/gemm/tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace squint {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// A right panel of one block is 320 x 48 x 4 bytes = 61 kB with AVX-512.
constexpr int64_t kMaxKBlock = 320;
// Rectangle of C that one task computes, at most; sizes of stack buffers.
constexpr int kMaxPanels = 5;     // right panels, the last one narrow
constexpr int kMaxLeftRows = 64;  // where A is packed on the fly

constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Steps of k in a block: equal blocks, none over kMaxKBlock.
constexpr int64_t KBlock(int64_t k) {
  return k == 0 ? 1 : CeilDiv(k, CeilDiv(k, kMaxKBlock));
}

// A source of rows of A has
//   Get(k_begin, k, row_begin, rows, buffer, &step):
// the first kMr rows from row_begin on; the next ones are `step` floats
// further. Its Tile multiplies them, in the form they have, with a panel.

// Panels packed beforehand. A few last columns may be summed in an order of
// their own.
struct PackedLeft {
  static HWY_INLINE void Tile(int64_t k, const LeftRows& left, const float* b,
                              int64_t b_stride, const TileOutput& out) {
    TileFor<true, true>(k, left, b, b_stride, out);
  }
  const float* data;  // of one matrix
  int64_t k;
  LeftRows Get(int64_t k_begin, int64_t, int64_t row_begin, int64_t, float*,
               int64_t* step) const {
    *step = kMr * k;
    return {data + row_begin / kMr * kMr * k + k_begin * kMr, 1};
  }
};

// Rows as they stand, contiguous in k: nothing to pack.
struct RowsLeft {
  static HWY_INLINE void Tile(int64_t k, const LeftRows& left, const float* b,
                              int64_t b_stride, const TileOutput& out) {
    TileFor<false, false>(k, left, b, b_stride, out);
  }
  MatrixView a;
  LeftRows Get(int64_t k_begin, int64_t, int64_t row_begin, int64_t, float*,
               int64_t* step) const {
    *step = kMr * a.row_stride;
    return {a.data + row_begin * a.row_stride + k_begin, a.row_stride};
  }
};

// dst[p][r] = a(row + r, p) for one panel, zeros beyond `rows`.
HWY_INLINE void PackLeftPanel(const float* a, int64_t row_stride,
                              int64_t column_stride, int64_t rows, int64_t k,
                              float* dst) {
  for (int64_t p = 0; p < k; ++p) {
    const float* column = a + p * column_stride;
    for (int64_t r = 0; r < kMr; ++r) {
      dst[p * kMr + r] = r < rows ? column[r * row_stride] : 0.0f;
    }
  }
}

// Panels packed into the worker's buffer: any other layout.
struct ViewLeft {
  static HWY_INLINE void Tile(int64_t k, const LeftRows& left, const float* b,
                              int64_t b_stride, const TileOutput& out) {
    TileFor<true, false>(k, left, b, b_stride, out);
  }
  MatrixView a;
  LeftRows Get(int64_t k_begin, int64_t k, int64_t row_begin, int64_t rows,
               float* buffer, int64_t* step) const {
    *step = kMr * k;
    for (int64_t r = 0; r < rows; r += kMr) {
      PackLeftPanel(
          a.data + (row_begin + r) * a.row_stride + k_begin * a.column_stride,
          a.row_stride, a.column_stride, std::min<int64_t>(kMr, rows - r), k,
          buffer + r * k);
    }
    return {buffer, 1};
  }
};

struct Panel {
  const float* data;
  int64_t stride;  // from one step of k to the next
};

// A source of right panels has
//   Get(k_begin, k, column, columns, buffer, panels):
// panels[j] serves columns [column + j kNr, ...), at most kMaxPanels of them;
// buffer + j * kPanelFloats is theirs to fill.
constexpr int64_t kPanelFloats = kNr * kMaxKBlock + kLanes;

struct PackedRight {
  const float* data;
  int64_t k;
  void Get(int64_t k_begin, int64_t, int64_t column, int64_t columns, float*,
           Panel* panels) const {
    for (int64_t j = 0; j * kNr < columns; ++j) {
      panels[j] = {data + (column / kNr + j) * kNr * k + k_begin * kNr, kNr};
    }
  }
};

// dst[p][j] = b(p, column + j), zeros up to `width` columns, which are whole
// vectors.
HWY_INLINE void PackRightPanel(const float* b, int64_t row_stride,
                               int64_t column_stride, int64_t k,
                               int64_t columns, float* dst,
                               int64_t width = kNr) {
  const FloatTag d;
  for (int64_t p = 0; p < k; ++p, dst += width) {
    const float* row = b + p * row_stride;
    int64_t j = 0;
    if (column_stride == 1) {
      for (; j + kLanes <= columns; j += kLanes) {
        hn::StoreU(hn::LoadU(d, row + j), d, dst + j);
      }
    }
    for (int64_t z = columns / kLanes * kLanes; z < width; z += kLanes) {
      hn::StoreU(hn::Zero(d), d, dst + z);
    }
    for (; j < columns; ++j) dst[j] = row[j * column_stride];
  }
}

// Whole panels side by side, row by row: a row of several panels is long
// enough for the hardware to fetch ahead.
HWY_INLINE void PackRightPanels(const float* b, int64_t row_stride, int64_t k,
                                int64_t count, float* buffer) {
  const FloatTag d;
  for (int64_t p = 0; p < k; ++p, b += row_stride) {
    for (int64_t j = 0; j < count; ++j) {
      float* out = buffer + j * kPanelFloats + p * kNr;
#pragma GCC unroll 4
      for (int v = 0; v < kNv; ++v) {
        hn::StoreU(hn::LoadU(d, b + j * kNr + v * kLanes), d, out + v * kLanes);
      }
    }
  }
}

// Panels of B packed into the worker's buffer, or read where they stand when
// so few rows of A use them that the copy would not pay.
struct ViewRight {
  MatrixView b;
  bool direct;
  void Get(int64_t k_begin, int64_t k, int64_t column, int64_t columns,
           float* buffer, Panel* panels) const {
    const float* start =
        b.data + k_begin * b.row_stride + column * b.column_stride;
    const int64_t whole = b.column_stride == 1 ? columns / kNr : 0;
    for (int64_t j = 0; j < whole; ++j) {
      if (direct) {
        panels[j] = {start + j * kNr, b.row_stride};
      } else {
        panels[j] = {buffer + j * kPanelFloats, kNr};
      }
    }
    if (!direct) PackRightPanels(start, b.row_stride, k, whole, buffer);
    for (int64_t j = whole; j * kNr < columns; ++j) {
      // A few last columns lie close together.
      const int64_t count = std::min<int64_t>(kNr, columns - j * kNr);
      const int64_t width = CeilDiv(count, kLanes) * kLanes;
      float* target = buffer + j * kPanelFloats;
      PackRightPanel(start + j * kNr * b.column_stride, b.row_stride,
                     b.column_stride, k, count, target, width);
      panels[j] = {target, width};
    }
  }
};

// A rectangle of C; its corner lies on panel borders.
struct Rectangle {
  int64_t row_begin;
  int64_t row_end;
  int64_t column_begin;
  int64_t column_end;
};

// One block of K for at most kMaxPanels right panels: every left panel is
// used for all of them while it is in the L1 cache.
template <class Left, class Right>
HWY_INLINE void AddBlock(const Right& right, const LeftRows& left,
                         int64_t left_step, const Rectangle& area,
                         int64_t k_begin, int64_t k, float* right_buffer,
                         TileOutput out) {
  Panel panels[kMaxPanels];
  const int64_t columns = area.column_end - area.column_begin;
  right.Get(k_begin, k, area.column_begin, columns, right_buffer, panels);
  const TileOutput corner = out;
  for (int64_t i = 0; i < area.row_end - area.row_begin; i += kMr) {
    out.rows = std::min<int64_t>(kMr, area.row_end - area.row_begin - i);
    for (int64_t j = 0; j * kNr < columns; ++j) {
      const Epilogue& e = corner.epilogue;
      out.columns = std::min<int64_t>(kNr, columns - j * kNr);
      out.c = corner.c + i * out.c_stride + j * kNr;
      if (e.bias != nullptr) {
        out.epilogue.bias = e.bias + i * e.bias_row + j * kNr * e.bias_column;
      }
      if (e.added != nullptr) {
        out.epilogue.added = e.added + i * e.added_stride + j * kNr;
      }
      Left::Tile(k, {left.data + i / kMr * left_step, left.row_stride},
                 panels[j].data, panels[j].stride, out);
    }
  }
}

// C over `area`. c points to row 0, column 0 of the whole matrix.
template <class Left, class Right>
HWY_NOINLINE void ComputeRectangle(const Left& left, const Right& right,
                                   int64_t k, const Rectangle& area, float* c,
                                   int64_t c_stride, const Epilogue& epilogue) {
  HWY_ALIGN float left_buffer[kMaxLeftRows * kMaxKBlock];
  HWY_ALIGN float right_buffer[kMaxPanels * kPanelFloats];
  const int64_t block = KBlock(k);
  for (int64_t k_begin = 0; k_begin == 0 || k_begin < k; k_begin += block) {
    const int64_t steps = std::min(block, k - k_begin);
    int64_t left_step = 0;
    const LeftRows rows =
        left.Get(k_begin, steps, area.row_begin, area.row_end - area.row_begin,
                 left_buffer, &left_step);
    for (int64_t column = area.column_begin; column < area.column_end;
         column += kMaxPanels * kNr) {
      Rectangle part = area;
      part.column_begin = column;
      part.column_end =
          std::min<int64_t>(area.column_end, column + kMaxPanels * kNr);
      TileOutput out{c + area.row_begin * c_stride + column,
                     c_stride,
                     0,
                     0,
                     epilogue,
                     k_begin == 0,
                     k_begin + steps >= k};
      if (epilogue.bias != nullptr) {
        out.epilogue.bias +=
            area.row_begin * epilogue.bias_row + column * epilogue.bias_column;
      }
      if (epilogue.added != nullptr) {
        out.epilogue.added += area.row_begin * epilogue.added_stride + column;
      }
      AddBlock<Left>(right, rows, left_step, part, k_begin, steps, right_buffer,
                     out);
    }
  }
}

// How C is cut into tasks: about four for each thread, so that a thread that
// is held up costs little. A task reads its rows of A once and packs its
// columns of B once, so few rows waste packing (64 rows: about 5%) and few
// columns waste the way of A from the L3 cache: rows are halved down to 128
// first, then columns, then rows down to 64. A rest of up to kRest columns
// goes with the panel before it.
struct TaskGrid {
  static constexpr int64_t kRest = 4;
  int64_t rows;     // of C in a task, multiple of kMr
  int64_t columns;  // multiple of kNr
  int64_t row_tasks;
  int64_t column_tasks;

  TaskGrid(int64_t m, int64_t n, int64_t repeats, int threads,
           int64_t max_rows) {
    const int64_t panels = std::max<int64_t>(1, CeilDiv(n - kRest, kNr));
    const int64_t wanted = CeilDiv(threads == 1 ? 1 : 4 * threads, repeats);
    int64_t together = kMaxPanels - 1;
    rows = std::min(CeilDiv(m, kMr) * kMr, max_rows);
    for (;;) {
      row_tasks = CeilDiv(m, rows);
      column_tasks = CeilDiv(panels, together);
      if (row_tasks * column_tasks >= wanted) break;
      if (rows >= 256 || (together == 1 && rows >= 128)) {
        rows = CeilDiv(rows / 2, kMr) * kMr;
      } else if (together > 1) {
        --together;
      } else {
        break;
      }
    }
    columns = CeilDiv(panels, column_tasks) * kNr;
    column_tasks = CeilDiv(panels * kNr, columns);
  }
  int64_t tasks() const { return row_tasks * column_tasks; }
  // Neighbouring tasks share columns, hence the right panels' source.
  Rectangle Area(int64_t task, int64_t m, int64_t n) const {
    const int64_t i = task % row_tasks * rows;
    const int64_t column = task / row_tasks;
    const bool last = column == column_tasks - 1;
    return {i, std::min(m, i + rows), column * columns,
            last ? n : (column + 1) * columns};
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace squint
HWY_AFTER_NAMESPACE();

#endif  // SQUINT_KERNELS_GEMM_GEMM_INL_H_
