// What ends in bytes, made as bytes.
#ifndef SQUINT_RUNTIME_FUSE_TO_BYTES_H_
#define SQUINT_RUNTIME_FUSE_TO_BYTES_H_

#include "squint/graph/graph.h"

namespace squint {

// Of a MatMulIntegerToFloat with a constant weight, as long as each result has
// one reader: a constant bias that is added becomes its own, and a Gelu, also
// with a factor of each column behind it, and a QuantizeLinear to 8 bits make
// it a MatMulIntegerToBytes. Reshapes
// and Transposes between them move bytes then. A Softmax over the last axis
// with a QuantizeLinear behind it becomes a SoftmaxToBytes, with the mask that
// is added before. No number changes.
void FuseToBytes(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_TO_BYTES_H_
