// Moving elements without looking at them. Every such operator (Transpose,
// Slice, Expand, Tile, Pad, nearest Resize ...) reads, for result element
// (i0, i1, ...), the input element at offset map[0][i0] + map[1][i1] + ...;
// what differs is how the maps are filled.
#ifndef SQUINT_OPS_LAYOUT_H_
#define SQUINT_OPS_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "squint/tensor/tensor.h"

namespace squint {

// Bytes of one element. Error{kUnsupported} for strings and for types of which
// several share a byte.
size_t WholeBytes(DType dtype);

// Per result axis, per index: offset into the input in elements; kFill where
// the result takes the fill element instead.
using AxisMaps = std::vector<std::vector<int64_t>>;
inline constexpr int64_t kFill = -1;

// The maps that copy `in` as it is: a start for operators that touch few axes.
AxisMaps IdentityMaps(const Dims& in);

// Any dtype of fixed size. `fill`: one element of in's dtype; null: zero.
Tensor CopyByMaps(const Tensor& in, const AxisMaps& maps,
                  const Tensor* fill = nullptr);

// `in` with its axes permuted: result axis j is input axis perm[j].
Tensor TransposeTensor(const Tensor& in, const std::vector<int64_t>& perm);

}  // namespace squint

#endif  // SQUINT_OPS_LAYOUT_H_
