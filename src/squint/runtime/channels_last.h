// The layout of images between integer operators.
#ifndef SQUINT_RUNTIME_CHANNELS_LAST_H_
#define SQUINT_RUNTIME_CHANNELS_LAST_H_

#include "squint/graph/graph.h"

namespace squint {

// Lets the 8-bit images of a lowered graph (integer_graph.h) lie in memory as
// [N, spatial ..., C], which the convolution kernels read: convolutions take
// and make them so, what lies between them (sums, tables, pools, Concat,
// Split, channel shuffles) follows, and Transposes stand where an image is
// needed in the other order. Numbers, inputs and outputs stay what they are.
// Shapes are inferred again.
void UseChannelsLast(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_CHANNELS_LAST_H_
