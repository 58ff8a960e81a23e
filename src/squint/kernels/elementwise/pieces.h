// Walks the rows of a BroadcastPlan in pieces, in parallel.
#ifndef SQUINT_KERNELS_ELEMENTWISE_PIECES_H_
#define SQUINT_KERNELS_ELEMENTWISE_PIECES_H_

#include <algorithm>
#include <cstdint>

#include "squint/base/threads.h"
#include "squint/kernels/elementwise/binary.h"

namespace squint {

inline constexpr int64_t kPiece = 1 << 14;  // elements a thread takes at once

// Offsets of row `row` of the operands: its digits in the outer axes.
inline void RowOffsets(const BroadcastPlan& plan, int64_t row, int64_t* a,
                       int64_t* b) {
  *a = 0;
  *b = 0;
  for (int axis = plan.axes - 2; axis >= 0; --axis) {
    const auto i = static_cast<size_t>(axis);
    const int64_t digit = row % plan.size[i];
    row /= plan.size[i];
    *a += digit * plan.a_stride[i];
    *b += digit * plan.b_stride[i];
  }
}

// Calls f(a offset, a stride, b offset, b stride, count, y offset) for pieces
// of rows; strides are 0 or 1.
template <typename F>
void ForEachPiece(const BroadcastPlan& plan, ThreadPool& pool, F&& f) {
  const auto last = static_cast<size_t>(plan.axes - 1);
  const int64_t length = plan.size[last];
  const int64_t a_stride = plan.a_stride[last];
  const int64_t b_stride = plan.b_stride[last];
  const int64_t piece = std::max<int64_t>(1, std::min(length, kPiece));
  const int64_t pieces = (length + piece - 1) / piece;
  pool.ParallelFor(static_cast<size_t>(plan.rows * pieces),
                   static_cast<size_t>(std::max<int64_t>(1, kPiece / piece)),
                   [&](size_t begin, size_t end) {
                     for (auto i = static_cast<int64_t>(begin);
                          i < static_cast<int64_t>(end); ++i) {
                       int64_t a_row = 0;
                       int64_t b_row = 0;
                       RowOffsets(plan, i / pieces, &a_row, &b_row);
                       const int64_t from = i % pieces * piece;
                       f(a_row + from * a_stride, a_stride,
                         b_row + from * b_stride, b_stride,
                         std::min(piece, length - from),
                         i / pieces * length + from);
                     }
                   });
}

// Calls f(begin, count) for pieces of a long row.
template <typename F>
void ForEachPieceOf(int64_t count, ThreadPool& pool, F&& f) {
  pool.ParallelFor(static_cast<size_t>(count), static_cast<size_t>(kPiece),
                   [&](size_t begin, size_t end) {
                     f(static_cast<int64_t>(begin),
                       static_cast<int64_t>(end - begin));
                   });
}

}  // namespace squint

#endif  // SQUINT_KERNELS_ELEMENTWISE_PIECES_H_
