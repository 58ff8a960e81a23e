// Attention that is written out, as one node.
#ifndef SQUINT_RUNTIME_FUSE_ATTENTION_H_
#define SQUINT_RUNTIME_FUSE_ATTENTION_H_

#include "squint/graph/graph.h"

namespace squint {

// In a lowered graph behind FuseToBytes: two products of computed values with
// a softmax over the last axis between them become a squint::FusedAttention,
// with a factor and a mask on the scores and Transposes around, as long as
// nothing between is read elsewhere, simulated or an output. Products are of
// floats, or of bytes with a real result or, of the scores, one of bytes that
// is looked up, added to a mask and dequantized. No number changes.
void FuseAttention(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_ATTENTION_H_
