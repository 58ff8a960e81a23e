// A lowered graph with a fixed-point step for each node that has one.
#ifndef SQUINT_FIXED_PROGRAM_H_
#define SQUINT_FIXED_PROGRAM_H_

#include <memory>
#include <string>
#include <vector>

#include "squint/fixed/step.h"
#include "squint/graph/graph.h"

namespace squint {

struct FixedNode {
  NodeId id = kNoNode;
  std::shared_ptr<const FixedStep> step;  // null: in no fixed-point form
  std::string reason;                     // then: why
  // Values that are read and made: of a step integers, also where the node
  // stands between DequantizeLinear and QuantizeLinear.
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
};

struct FixedOptions {
  bool real_steps = false;  // also for nodes that compute with real numbers
};

struct FixedProgram {
  Graph graph;                   // its shapes are those of one run
  std::vector<FixedNode> nodes;  // those that the outputs need, in order
};

// Of what LowerToFixed made, its inputs of these sizes. Error{kInvalidModel}
// where the network cannot take them.
FixedProgram MakeFixedProgram(const Graph& lowered,
                              const std::vector<Dims>& input_dims,
                              const FixedOptions& options = {});

}  // namespace squint

#endif  // SQUINT_FIXED_PROGRAM_H_
