// Products whose left operand is quantized by what it holds at run time.
// They are written as DynamicQuantizeLinear, MatMulInteger (ConvInteger),
// Cast, Mul by both scales, Add of a float bias; the interpreter computes
// them so, and the layout and Absorb ask here which nodes those are.
#ifndef SQUINT_OPS_DYNAMIC_PRODUCT_H_
#define SQUINT_OPS_DYNAMIC_PRODUCT_H_

#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

// MatMul, Gemm or Conv with a fixed 8-bit weight, one scale for all or one
// for each output channel, one zero point.
bool IsDynamicProduct(const Graph& graph, const Node& node);

// What a kDynamicTensor value (uint8) or kDynamicRow value is quantized with
// when it holds `real`: the latter per channel of the matrix of its rows.
QuantParams DynamicParams(const Tensor& real, const QuantParams& kind);
// Rounded to the grid of its own range.
Tensor DynamicFakeQuantize(const Tensor& real, const QuantParams& kind);

// `context` has the real left operand, the stored weight with its
// parameters, and the real bias. Assigns output 0, float32.
void RunDynamicProduct(const OpDef& op, RunContext& context);

// Whether a value is a constant float bias of a product: one number for each
// of its columns.
bool IsBiasOfColumns(const Graph& graph, ValueId id, int64_t columns);

}  // namespace squint

#endif  // SQUINT_OPS_DYNAMIC_PRODUCT_H_
