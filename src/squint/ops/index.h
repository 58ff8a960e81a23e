// Elements and slices addressed by tensors of indices, as the Gather and
// Scatter families do it. A negative index counts from the end of its axis.
#ifndef SQUINT_OPS_INDEX_H_
#define SQUINT_OPS_INDEX_H_

#include <cstdint>
#include <vector>

#include "squint/graph/dim.h"
#include "squint/tensor/tensor.h"

namespace squint {

// The position in [0, dim) that `index` in [-dim, dim) stands for;
// Error{kInvalidModel} when outside.
int64_t CheckedIndex(int64_t index, int64_t dim);

// Element offsets into data of these dimensions, one for each index: the
// index gives the position along `axis`, its own place all others. Of equal
// rank; Error{kInvalidModel} for what lies outside.
std::vector<int64_t> ElementOffsets(const Dims& data, const Tensor& indices,
                                    int axis);

// Slices of `data` addressed by the tuples in the last axis of `indices`: a
// tuple of n fixes the n axes after the first `batch_dims`, which data and
// indices share; a slice is all that lies in the axes after those.
struct IndexedSlices {
  std::vector<int64_t> offsets;  // first element of each slice, tuple by tuple
  int64_t size = 1;              // elements of one slice
};
IndexedSlices SlicesOf(const Dims& data, const Tensor& indices,
                       int64_t batch_dims);

// Dimensions of all the slices together: those of `indices` but the last,
// then those of one slice. Unranked while the tuples' size is unknown.
// Error{kInvalidModel} when the two cannot belong together.
Shape SlicesShape(const Shape& data, const Shape& indices, int64_t batch_dims);

}  // namespace squint

#endif  // SQUINT_OPS_INDEX_H_
