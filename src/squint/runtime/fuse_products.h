// What follows a product of integers, made in its store.
#ifndef SQUINT_RUNTIME_FUSE_PRODUCTS_H_
#define SQUINT_RUNTIME_FUSE_PRODUCTS_H_

#include "squint/graph/graph.h"

namespace squint {

// Of a MatMulIntegerToFloat with a constant weight, as long as each result has
// one reader: a constant bias that is added becomes its own, and a Gelu and a
// QuantizeLinear to 8 bits behind it make it a MatMulIntegerToBytes. Reshapes
// and Transposes between them move bytes then. No number changes.
void FuseProducts(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_FUSE_PRODUCTS_H_
