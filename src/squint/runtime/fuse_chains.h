// Convolutions that run band by band: a pass of lowering to integers
// (integer_graph.h).
#ifndef SQUINT_RUNTIME_FUSE_CHAINS_H_
#define SQUINT_RUNTIME_FUSE_CHAINS_H_

#include "squint/graph/graph.h"

namespace squint {

// Channels-last QLinearConvs and QLinearConvAdds one behind the other, each of
// which alone reads the one before, become one QLinearConvChain
// (ops/conv_chain.h) where what they read and make of an image is more than a
// core's cache holds, and much for so few products: inverted bottlenecks, above
// all. Images have two spatial axes of known sizes.
void FuseChains(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_CHAINS_H_
