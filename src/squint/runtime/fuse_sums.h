// What is added to float products.
#ifndef SQUINT_RUNTIME_FUSE_SUMS_H_
#define SQUINT_RUNTIME_FUSE_SUMS_H_

#include "squint/graph/graph.h"

namespace squint {

// A float32 MatMul by a constant matrix takes the sum behind it that alone
// reads its result, and the one behind that: a constant bias of the columns
// first, or whatever is as large as the result. It becomes a MatMulAdd
// (ops/matmul_add.h). No number changes.
void FuseSums(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_SUMS_H_
