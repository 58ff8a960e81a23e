#include "squint/runtime/fuse_means.h"

#include <utility>

#include "squint/ops/conv_mean.h"
#include "squint/runtime/vanishing.h"

namespace squint {
namespace {

bool IsLast(const Node& node) { return node.Int("channels_last", 0) != 0; }

bool IsMean(const Node& node) {
  return IsLast(node) &&
         (node.Is("GlobalAveragePoolToFloat", "squint") ||
          (node.Is("QLinearGlobalAveragePool", "com.microsoft") &&
           node.has_input(3) && node.has_input(4)));
}

// The mean reads the bytes as what the convolution made them.
bool Agree(const Node& conv, const Node& mean, const Graph& graph) {
  for (const size_t i : {size_t{1}, size_t{2}}) {
    const Tensor* made = graph.ConstantOf(conv.input(i + 5));
    const Tensor* read = graph.ConstantOf(mean.input(i));
    if (made == nullptr || read == nullptr || made->dtype() != read->dtype() ||
        made->size() != 1 || read->size() != 1 ||
        made->ToFloats() != read->ToFloats()) {
      return false;
    }
  }
  return true;
}

void Join(Graph& graph, NodeId conv_id, NodeId id) {
  Node conv = graph.node(conv_id);
  const Node mean = graph.node(id);
  conv.inputs.resize(ConvMeanInputs::kBias + 1, kNoValue);
  for (size_t i = 3; i < mean.inputs.size(); ++i) {
    conv.inputs.push_back(mean.input(i));
  }
  graph.RemoveNode(conv_id);
  Node& made = graph.node(id);
  made.op_type = "QLinearConvGlobalAveragePool";
  made.domain = "squint";
  made.inputs = std::move(conv.inputs);
  made.attributes = std::move(conv.attributes);
}

}  // namespace

void FuseMeans(Graph& graph) {
  const VanishingValues values(graph);
  for (const NodeId id : graph.order()) {
    const Node& mean = graph.node(id);
    if (!IsMean(mean)) continue;
    const NodeId maker = values.MakerOf(mean.input(0));
    if (maker == kNoNode) continue;
    const Node& conv = graph.node(maker);
    if (conv.Is("QLinearConv", "com.microsoft") && IsLast(conv) &&
        Agree(conv, mean, graph)) {
      Join(graph, maker, id);
    }
  }
  graph.Compact();
}

}  // namespace squint
