// A Conv node in the kernels' terms.
#ifndef SQUINT_OPS_CONV_SHAPE_H_
#define SQUINT_OPS_CONV_SHAPE_H_

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

}  // namespace squint

#endif  // SQUINT_OPS_CONV_SHAPE_H_
