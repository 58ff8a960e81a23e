// ONNX Runtime's fused float operators, as its saved optimized models have
// them.
#ifndef SQUINT_INTERCHANGE_FUSED_H_
#define SQUINT_INTERCHANGE_FUSED_H_

#include "squint/graph/graph.h"

namespace squint {

// Writes FusedConv, FusedGemm, FusedMatMul, BiasGelu, FastGelu, Gelu,
// QuickGelu and SkipLayerNormalization of domain com.microsoft out in
// standard operators. What needs a rank that is not known stays. Returns
// whether anything changed: shapes behind it can then be inferred.
bool WriteOutFused(Graph& graph);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_FUSED_H_
