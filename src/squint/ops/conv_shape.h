// A Conv node in the kernels' terms.
#ifndef SQUINT_OPS_CONV_SHAPE_H_
#define SQUINT_OPS_CONV_SHAPE_H_

#include <vector>

#include "squint/graph/graph.h"
#include "squint/kernels/conv/conv.h"
#include "squint/ops/window.h"
#include "squint/tensor/tensor.h"

namespace squint {

// A window over one or two spatial axes; one is a plane of height 1. `x`, `y`:
// dimensions of input and output.
PlaneWindow PlaneWindowOf(const Window& window, const Dims& x, const Dims& y);

// For one or two spatial axes; one is a plane of height 1. `x`, `w`, `y`:
// dimensions of input, weight and output.
ConvShape ConvShapeOf(const Node& node, const Dims& x, const Dims& w,
                      const Dims& y);

// Taps of each output position along a spatial axis by which an average is
// divided: those inside the input, or inside the padded input; at least 1.
std::vector<float> TapCounts(const Window& window, size_t axis, int64_t input,
                             int64_t output, bool include_pads);

}  // namespace squint

#endif  // SQUINT_OPS_CONV_SHAPE_H_
