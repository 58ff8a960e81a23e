#include "squint/runtime/channel_readers.h"

#include <vector>

#include "squint/ops/channel_range.h"
#include "squint/ops/conv_channels.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"

namespace squint {

namespace {

bool IsConv(const Node& node) {
  return node.Is("QLinearConvAdd", "squint") ||
         node.Is("QLinearConvChannels", "squint") ||
         (node.Is("QLinearConv", "com.microsoft") &&
          node.Int("channels_last", 0) != 0);
}

}  // namespace

bool HasPixelStrides(const Graph& graph, const Node& node) {
  if (!IsConv(node) || !IsByte(graph.value(node.input(0)).dtype)) return false;
  constexpr size_t kWeight = 3;
  const Tensor* weight = graph.ConstantOf(node.input(kWeight));
  const bool is_depthwise =
      weight == nullptr ||
      (weight->dim(1) == 1 && weight->dim(0) == node.Int("group", 1));
  return !is_depthwise;
}

void BecomeConvChannels(Node& node) {
  node.op_type = "QLinearConvChannels";
  node.domain = "squint";
  node.inputs.resize(ConvChannelsInputs::kInto + 1, kNoValue);
}

bool CanReadChannels(const Graph& graph, const Use& use) {
  if (use.node == kNoNode || use.index != 0) return false;
  const Node& node = graph.node(use.node);
  if (node.FindAttribute(kChannelsRead) != nullptr) return false;
  if (node.Is("CopyChannels", "squint") ||
      node.Is("NhwcMaxPool", "com.microsoft")) {
    return true;
  }
  if (node.Is("Lookup", "squint")) {
    const int rank = graph.value(node.input(0)).shape.rank();
    return node.FindAttribute("axis") == nullptr ||
           NormalizeAxis(node.Int("axis", 0), rank) == rank - 1;
  }
  return HasPixelStrides(graph, node);
}

void ReadChannels(Node& node, ValueId wide, int64_t first, int64_t count) {
  node.inputs[0] = wide;
  node.Set(kChannelsRead, std::vector<int64_t>{first, count});
  if (!IsConv(node)) return;
  BecomeConvChannels(node);
  ValueId& into = node.inputs[ConvChannelsInputs::kInto];
  if (into != wide) return;
  // A step may write over an input that it has once.
  into = kNoValue;
  node.Set("into_input", int64_t{1});
}

}  // namespace squint
