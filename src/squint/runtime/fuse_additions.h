// Residual sums as part of the convolution before them.
#ifndef SQUINT_RUNTIME_FUSE_ADDITIONS_H_
#define SQUINT_RUNTIME_FUSE_ADDITIONS_H_

#include "squint/graph/graph.h"

namespace squint {

// In a lowered graph: a channels-last convolution that one QLinearAdd alone
// reads becomes one node with it (ops/conv_add.h), so that its result never
// goes to memory. Numbers stay what they are.
void FuseAdditions(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_ADDITIONS_H_
