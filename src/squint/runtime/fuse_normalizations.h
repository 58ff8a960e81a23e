// Layers are normalized on their way to bytes.
#ifndef SQUINT_RUNTIME_FUSE_NORMALIZATIONS_H_
#define SQUINT_RUNTIME_FUSE_NORMALIZATIONS_H_

#include "squint/graph/graph.h"

namespace squint {

// A LayerNormalization over the last axis, of which a QuantizeLinear to 8 bits
// reads the result, becomes a LayerNormalizationToBytes: with the sum before
// it, where nothing else reads that, and with the factor of each column between
// the two. What else reads the real results finds them at its first output. No
// number changes.
void FuseNormalizations(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_NORMALIZATIONS_H_
