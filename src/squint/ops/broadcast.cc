#include "squint/ops/broadcast.h"

#include <algorithm>

#include "squint/base/error.h"

namespace squint {

Dims BroadcastDims(const Dims& a, const Dims& b) {
  const size_t rank = std::max(a.size(), b.size());
  Dims out(rank, 1);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t da = i + a.size() < rank ? 1 : a[i + a.size() - rank];
    const int64_t db = i + b.size() < rank ? 1 : b[i + b.size() - rank];
    if (da != db && da != 1 && db != 1) {
      Fail(ErrorCode::kInvalidModel, "shapes {} and {} do not broadcast",
           DimsToString(a), DimsToString(b));
    }
    out[i] = da == 1 ? db : da;
  }
  return out;
}

Dims BroadcastStrides(const Dims& dims, const Dims& out) {
  const Dims own = StridesOf(dims);
  const size_t missing = out.size() - dims.size();
  Dims strides(out.size(), 0);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] != 1) strides[i + missing] = own[i];
  }
  return strides;
}

template <size_t N>
void WalkBroadcastRows(const Dims& out_dims,
                       const std::array<const Dims*, N>& operands,
                       BroadcastBody<N> body) {
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
    body(row);
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

template void WalkBroadcastRows<1>(const Dims&,
                                   const std::array<const Dims*, 1>&,
                                   BroadcastBody<1>);
template void WalkBroadcastRows<2>(const Dims&,
                                   const std::array<const Dims*, 2>&,
                                   BroadcastBody<2>);
template void WalkBroadcastRows<3>(const Dims&,
                                   const std::array<const Dims*, 3>&,
                                   BroadcastBody<3>);

}  // namespace squint
