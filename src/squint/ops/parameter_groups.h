// That values must share their quantization parameters (data movement, max
// pooling) is a constraint of the operators, not state of the values: it is
// computed from their rules whenever it is needed.
#ifndef SQUINT_OPS_PARAMETER_GROUPS_H_
#define SQUINT_OPS_PARAMETER_GROUPS_H_

#include <functional>
#include <string>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

// Sets of values with `is_quantized` that must have equal parameters. Every
// such value is in exactly one group; groups come in order of their first
// value.
std::vector<std::vector<ValueId>> ParameterGroups(
    const Graph& graph, const Target& target,
    const std::function<bool(ValueId)>& is_quantized);

// One sentence for each pair of values that must share parameters and do
// not, and for each node whose quantized values contradict its rule.
std::vector<std::string> VerifyQuantization(const Graph& graph,
                                            const Target& target);

}  // namespace squint

#endif  // SQUINT_OPS_PARAMETER_GROUPS_H_
