// Float products in bfloat16.
#ifndef SQUINT_RUNTIME_BF16_PRODUCTS_H_
#define SQUINT_RUNTIME_BF16_PRODUCTS_H_

#include "squint/graph/graph.h"

namespace squint {

// Marks MatMul, Gemm and Conv, nested graphs included, so that where they run
// by float kernels their products are those of Products::kBf16 (gemm/gemm.h).
// A node whose operands turn to integers later, or that the reference runs,
// takes no notice.
void UseBf16Products(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_BF16_PRODUCTS_H_
