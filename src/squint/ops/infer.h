// Shape and type inference over a whole graph. Never fails a job on an
// unknown: what cannot be told stays unknown and is a finding.
#ifndef SQUINT_OPS_INFER_H_
#define SQUINT_OPS_INFER_H_

#include <map>
#include <string>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/ops/op.h"

namespace squint {

struct InferResult {
  // Contents of small integer tensors that are known, also symbolically.
  std::map<ValueId, DimTensor> dim_tensors;
  // One sentence for each tensor that stayed unknown, and why.
  std::vector<std::string> findings;
};

// Sets dtype and shape of every value that can be told (nested graphs too).
// A file's own value_info is only a fallback for what inference cannot tell.
// Error{kInvalidModel} when a node breaks its operator's rules.
// `known`: contents of values that come from outside, of a nested graph's
// captures.
InferResult InferShapes(Graph& graph, std::map<ValueId, DimTensor> known = {});

// op.infer, and the checks that all operators have in common. Errors do not
// name the node; neither do those of InferFromTensors.
void InferChecked(const OpDef& op, InferContext& context);

// Results of one node from the current state of its inputs; used by the
// driver above and by executors with concrete shapes.
std::vector<InferContext::Result> InferNode(
    const Graph& graph, const Node& node,
    const std::map<ValueId, DimTensor>& dim_tensors);

// The same from the tensors that the node is about to read (null where
// absent; stored integers where the value is quantized): what breaks a rule
// only now that shapes and contents are known is an error before it runs.
// Empty for nodes with nested graphs, whose results only running can tell.
std::vector<InferContext::Result> InferFromTensors(
    const Graph& graph, const Node& node,
    const std::vector<const Tensor*>& inputs);

// Error{kOutOfMemory} when a result of this size passes `limit` bytes. An
// axis of 0 counts as 1, for an operator may walk the others all the same.
void CheckResultSize(DType dtype, const Dims& dims, size_t limit);

}  // namespace squint

#endif  // SQUINT_OPS_INFER_H_
