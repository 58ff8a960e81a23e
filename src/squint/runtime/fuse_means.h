// Means of images as part of the convolution before them.
#ifndef SQUINT_RUNTIME_FUSE_MEANS_H_
#define SQUINT_RUNTIME_FUSE_MEANS_H_

#include "squint/graph/graph.h"

namespace squint {

// In a lowered graph: a channels-last convolution that one global average pool
// alone reads becomes one node with it (ops/conv_mean.h). Numbers stay what
// they are.
void FuseMeans(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_MEANS_H_
