// What the nodes of Conv and ConvTranspose have in common: group, kernel,
// bias, and the rule by which they become integer.
#ifndef SQUINT_OPS_CONV_NODE_H_
#define SQUINT_OPS_CONV_NODE_H_

#include <cstdint>

#include "squint/ops/op.h"
#include "squint/ops/window.h"

namespace squint {

// The axes after batch and channels. Error{kInvalidModel} when there are
// none.
Dims SpatialOf(const Dims& dims);

// The window of a node whose weight has this kernel; the node's
// kernel_shape may only repeat it.
Window ReadConvWindow(const Node& node, const Dims& kernel);

int64_t ReadGroup(const Node& node);  // at least 1

// Input and weight of known rank must have the same, at least 3.
void CheckConvRanks(const Shape& x, const Shape& weight);
// An optional bias must have one value for each output channel.
void CheckConvBias(const Shape& bias, const Dim& outputs);

// Output channels along `axis` of the weight (-1: one scale serves all).
QuantSpec ConvolutionRule(const QuantizeQuery& query, int axis,
                          int reduce_axis);

}  // namespace squint

#endif  // SQUINT_OPS_CONV_NODE_H_
