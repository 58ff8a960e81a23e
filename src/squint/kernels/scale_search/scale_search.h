// The scale of least squared error for a group of weights that few bits shall
// hold: clipping a few large values can pay. Searched, not computed, because
// the error has many local minima.
//
// Of a group with largest magnitude m the candidates are
//   m * ratio / qmax,   ratio = 1 - 0.6 * step / 60,   step = 0 .. 60
// and the error of one is the sum of (v - scale * q)^2 in double, over the
// group in order; the first candidate of least error wins. That order is kept
// by giving each group a lane of its own, so that results are the same on
// every instruction set.
#ifndef SQUINT_KERNELS_SCALE_SEARCH_SCALE_SEARCH_H_
#define SQUINT_KERNELS_SCALE_SEARCH_SCALE_SEARCH_H_

#include <cstddef>
#include <cstdint>

namespace squint {

// Groups that are searched at once.
inline constexpr size_t kSearchLanes = 16;

// tile: [rows][kSearchLanes] finite weights, a group in each column; shorter
// groups are filled up with zeros. scales: kSearchLanes results, quantization
// being symmetric in [-qmax, qmax]. A group of zeros, and one whose scale
// would be smaller than the smallest normal float, gets 1.
void SearchScales(const float* tile, size_t rows, int32_t qmax,
                  float* scales) noexcept;

}  // namespace squint

#endif  // SQUINT_KERNELS_SCALE_SEARCH_SCALE_SEARCH_H_
