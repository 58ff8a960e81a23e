// What can be told about a graph before it runs: the order, where each value
// is read for the last time, which nodes only rename bytes, and which Relu or
// Clip the node before it could apply by itself.
#ifndef SQUINT_RUNTIME_PROGRAM_H_
#define SQUINT_RUNTIME_PROGRAM_H_

#include <string_view>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

// FindOp, or a test's own rows.
using OpFinder = const OpDef* (*)(std::string_view type,
                                  std::string_view domain);

struct ProgramNode {
  NodeId id = kNoNode;
  const OpDef* op = nullptr;  // null: Squint does not know the operator
  bool is_view = false;       // output 0 has the bytes of input 0
  // Position of the clamp that reads output 0 alone and may be fused into
  // this node, or -1; and its bounds.
  int clamp_node = -1;
  std::pair<float, float> clamp{0.0f, 0.0f};
  // Values whose last reader this is (graph outputs and constants never
  // die), and outputs that nobody reads.
  std::vector<ValueId> dying;
};

struct Program {
  Program(const Graph& graph, OpFinder find);

  std::vector<ProgramNode> nodes;  // in execution order
};

}  // namespace squint

#endif  // SQUINT_RUNTIME_PROGRAM_H_
