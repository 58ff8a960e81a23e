// What one QuantizeLinear or DequantizeLinear node applies, as QuantParams in
// a normal form in which equal quantizations compare equal. Shared by Absorb
// and the layout; nothing here changes a graph.
#ifndef SQUINT_INTERCHANGE_QDQ_H_
#define SQUINT_INTERCHANGE_QDQ_H_

#include <optional>

#include "squint/graph/graph.h"
#include "squint/tensor/quant_params.h"

namespace squint {

// An initializer that no caller can override.
bool IsFixed(const Graph& graph, ValueId id);

// One scale in a one-element tensor is per_tensor with a scalar scale; an
// absent zero point is zeros, of int32 it is always absent; axis >= 0.
QuantParams Normalized(QuantParams params);

// The quantization of a Q or DQ node; nullopt when it is not one, when scale
// or zero point are not fixed, or when it is beyond QuantParams (float8, a
// scale that is not positive other than of a constant's integers, a division
// in another precision).
std::optional<QuantParams> ParamsOfNode(const Graph& graph, const Node& node);

// Same tensor type, dimensions and bytes.
bool SameContent(const Tensor& a, const Tensor& b);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_QDQ_H_
