// For tests: one node as an old opset wrote it, upgraded.
#ifndef SQUINT_OPS_OP_UPGRADE_TESTING_H_
#define SQUINT_OPS_OP_UPGRADE_TESTING_H_

#include <vector>

#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/ops/op_examples.h"

namespace squint {

// The example's graph, its node taken as one of opset `from` and upgraded.
inline Graph UpgradedGraph(const OpExample& example, int64_t from) {
  Graph graph = GraphOf(example);
  const NodeId id = graph.order().front();
  UpgradeContext context{graph, id, from};
  FindOp(example.op_type, example.domain)->upgrade(context);
  graph.SortTopologically();
  InferShapes(graph);
  VerifyGraph(graph);
  return graph;
}

inline Tensor RunUpgraded(const OpExample& example, int64_t from) {
  return Interpret(UpgradedGraph(example, from), InputsOf(example)).at(0);
}

}  // namespace squint

#endif  // SQUINT_OPS_OP_UPGRADE_TESTING_H_
