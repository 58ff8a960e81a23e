// Resize, axis by axis: how large each becomes, and from which of its elements
// the results are made.
#ifndef SQUINT_OPS_RESIZE_AXES_H_
#define SQUINT_OPS_RESIZE_AXES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/layout.h"
#include "squint/ops/sampling.h"

namespace squint {

// Places of inputs of Resize and Upsample.
size_t ResizeScalesInput(const Node& node);
inline constexpr size_t kResizeSizesInput = 3;

// The axes that scales and sizes speak of, in their order.
std::vector<int64_t> ResizedAxes(const Node& node, int rank);

// All axes of `in`, from the scales or sizes of the resized ones.
// Error{kInvalidModel} for numbers that no axis can have.
std::vector<AxisScale> ResizeByScales(const Node& node, const Shape& in,
                                      const std::vector<float>& scales);
std::vector<AxisScale> ResizeToSizes(const Node& node, const Shape& in,
                                     const DimList& sizes);

// The axis is copied as it is.
bool IsUnchanged(const Sampling& sampling, const AxisScale& axis, int64_t in);
// Which element of `x` mode `nearest` takes.
AxisMaps NearestMaps(const Dims& x, const Sampling& sampling,
                     const std::vector<AxisScale>& axes);
// What each result along an axis is a sum of, in the other modes.
std::vector<Taps> ResizeTaps(const Sampling& sampling, const AxisScale& axis,
                             int64_t in);

}  // namespace squint

#endif  // SQUINT_OPS_RESIZE_AXES_H_
