// The reference interpreter: plain loops, node by node, no optimization. It
// is the oracle of every faster execution. Two readings of a quantized graph:
//   as written: dequantize inputs, run `reference` in float, quantize outputs;
//   integer: the operator's integer_reference on the stored integers (falls
//   back to the first reading where an operator has none).
#ifndef SQUINT_OPS_INTERPRETER_H_
#define SQUINT_OPS_INTERPRETER_H_

#include <functional>
#include <vector>

#include "squint/base/context.h"
#include "squint/base/error.h"
#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

enum class Reading { kAsWritten, kInteger };

struct InterpreterOptions {
  Reading reading = Reading::kAsWritten;
  // Called with every value a node makes, in real numbers unless
  // `tap_stored`, when quantized values come as the stored integers. Values
  // are numbered as in NestedValues; those of a loop come once each trip.
  std::function<void(ValueId, const Tensor&)> tap = {};
  bool tap_stored = false;
  Context context = {};  // of it: cancel, loop_limit, memory_limit
};

// What to throw where a node must run whose operator is not known.
Error CannotRun(const Node& node);

// `inputs` in the order of graph.inputs(); returns the graph's outputs in
// real types. Error names the node.
std::vector<Tensor> Interpret(const Graph& graph,
                              const std::vector<Tensor>& inputs,
                              const InterpreterOptions& options = {});

// One node without nested graphs on given inputs (null where absent), without
// quantization.
std::vector<Tensor> RunNodeReference(const Graph& graph, const Node& node,
                                     const std::vector<const Tensor*>& inputs);

}  // namespace squint

#endif  // SQUINT_OPS_INTERPRETER_H_
