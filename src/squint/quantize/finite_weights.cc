#include "squint/quantize/finite_weights.h"

#include <algorithm>
#include <cmath>

#include "squint/graph/nested_values.h"
#include "squint/graph/user_name.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/op.h"
#include "squint/tensor/pieces.h"

namespace squint {
namespace {

constexpr int64_t kChunk = 1 << 16;

bool IsFinite(const Tensor& weight) {
  FloatReader reader(weight);
  for (int64_t first = 0; first < weight.size(); first += kChunk) {
    const auto chunk =
        reader.Read(first, std::min(kChunk, weight.size() - first));
    if (!std::ranges::all_of(chunk, [](float v) { return std::isfinite(v); })) {
      return false;
    }
  }
  return true;
}

void CheckNode(const Graph& graph, const Node& node) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->quantize == nullptr) return;
  const Target plain;
  const QuantSpec spec = op->quantize({graph, node, plain});
  for (size_t i = 0; i < spec.inputs.size(); ++i) {
    const Role role = spec.inputs[i].role;
    const Tensor* constant = graph.ConstantOf(node.input(i));
    if ((role != Role::kWeight && role != Role::kBias) || constant == nullptr ||
        constant->dtype() != DType::kFloat32 || IsFinite(*constant)) {
      continue;
    }
    Fail(ErrorCode::kInvalidModel,
         "weight '{}' of node '{}' holds NaN or infinity: no samples can mend "
         "that",
         graph.value(node.input(i)).name, UserName(graph, node));
  }
}

}  // namespace

void CheckWeightsAreFinite(const Graph& graph) {
  ForEachGraph(graph, [](const Graph& each) {
    for (const NodeId id : each.order()) CheckNode(each, each.node(id));
  });
}

void BlameWeights(const Graph& graph, const Calibration& calibration) {
  const bool suspect =
      std::ranges::any_of(calibration.values, [](const auto& entry) {
        return entry.second.nans > 0 || entry.second.infinities > 0;
      });
  if (suspect) CheckWeightsAreFinite(graph);
}

}  // namespace squint
