// Numpy broadcasting over concrete shapes: one walk that hands out rows, for
// any number of operands. Axes of size 1 in the result are dropped, so that a
// row is the longest run along the last axis that really has an extent.
#ifndef SQUINT_OPS_BROADCAST_H_
#define SQUINT_OPS_BROADCAST_H_

#include <array>
#include <cstdint>

#include "squint/tensor/tensor.h"

namespace squint {

// Error{kInvalidModel} when the shapes do not match.
Dims BroadcastDims(const Dims& a, const Dims& b);

// Strides of `dims` seen as `out`: 0 where it is repeated.
Dims BroadcastStrides(const Dims& dims, const Dims& out);

// Where one row of each of N operands starts and how it advances.
template <size_t N>
struct BroadcastRow {
  int64_t out = 0;  // offset of the row's first result
  int64_t length = 0;
  std::array<int64_t, N> offset{};
  std::array<int64_t, N> stride{};  // 0: the operand is one number
};

template <size_t N, typename F>
void ForEachBroadcastRow(const Dims& out_dims,
                         const std::array<const Dims*, N>& operands, F&& f) {
  if (ElementCount(out_dims) == 0) return;
  Dims extent;
  std::array<Dims, N> strides;
  std::array<Dims, N> full;
  for (size_t k = 0; k < N; ++k) {
    full[k] = BroadcastStrides(*operands[k], out_dims);
  }
  for (size_t axis = 0; axis < out_dims.size(); ++axis) {
    if (out_dims[axis] == 1) continue;
    extent.push_back(out_dims[axis]);
    for (size_t k = 0; k < N; ++k) strides[k].push_back(full[k][axis]);
  }
  BroadcastRow<N> row;
  row.length = extent.empty() ? 1 : extent.back();
  for (size_t k = 0; k < N; ++k) {
    row.stride[k] = extent.empty() ? 0 : strides[k].back();
  }
  const size_t outer = extent.empty() ? 0 : extent.size() - 1;
  Dims index(outer, 0);
  while (true) {
    f(static_cast<const BroadcastRow<N>&>(row));
    row.out += row.length;
    size_t axis = outer;
    while (axis > 0) {
      --axis;
      for (size_t k = 0; k < N; ++k) row.offset[k] += strides[k][axis];
      if (++index[axis] < extent[axis]) break;
      for (size_t k = 0; k < N; ++k) {
        row.offset[k] -= strides[k][axis] * extent[axis];
      }
      index[axis] = 0;
      if (axis == 0) return;
    }
    if (outer == 0) return;
  }
}

}  // namespace squint

#endif  // SQUINT_OPS_BROADCAST_H_
