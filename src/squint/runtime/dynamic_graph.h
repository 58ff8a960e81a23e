// Products with operands that are quantized at run time, on integers.
#ifndef SQUINT_RUNTIME_DYNAMIC_GRAPH_H_
#define SQUINT_RUNTIME_DYNAMIC_GRAPH_H_

#include "squint/graph/graph.h"

namespace squint {

// MatMul and Gemm of a value of QuantKind::kDynamicTensor with fixed 8-bit
// weights become DynamicQuantizeLinear, once for all of them, and
// MatMulIntegerToFloat.
// Every result is that of the integer reading. Other readers of such a value,
// and other kinds, are left as they are: an executor simulates them.
void LowerDynamicProducts(Graph& graph);

}  // namespace squint

#endif  // SQUINT_RUNTIME_DYNAMIC_GRAPH_H_
