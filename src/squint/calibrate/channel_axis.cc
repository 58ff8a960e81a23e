// Which axis of a value holds its channels.
#include <algorithm>
#include <array>

#include "squint/calibrate/calibration.h"

namespace squint {
namespace {

enum class Channels { kUnknown, kSecond, kLast };

// What a node says about the channels of its first input and first output.
Channels ChannelsOf(const Node& node) {
  static constexpr std::array<std::string_view, 11> kSecond = {
      "Conv",
      "ConvTranspose",
      "BatchNormalization",
      "MaxPool",
      "AveragePool",
      "GlobalAveragePool",
      "GlobalMaxPool",
      "InstanceNormalization",
      "GroupNormalization",
      "LRN",
      "LpPool"};
  static constexpr std::array<std::string_view, 5> kLast = {
      "MatMul", "Gemm", "LayerNormalization", "RMSNormalization",
      "SimplifiedLayerNormalization"};
  if (std::ranges::find(kSecond, node.op_type) != kSecond.end()) {
    return Channels::kSecond;
  }
  if (std::ranges::find(kLast, node.op_type) != kLast.end()) {
    return Channels::kLast;
  }
  return Channels::kUnknown;
}

Channels FromReaders(const Graph& graph, const UseMap& uses, ValueId id) {
  Channels found = Channels::kUnknown;
  for (const Use& use : uses.of(id)) {
    if (use.node == kNoNode || use.index > 1) continue;
    const Channels channels = ChannelsOf(graph.node(use.node));
    if (channels == Channels::kSecond && use.index == 0) return channels;
    if (channels == Channels::kLast) found = channels;
  }
  return found;
}

}  // namespace

int ChannelAxis(const Graph& graph, const UseMap& uses, ValueId id) {
  const Value& value = graph.value(id);
  if (!value.shape.has_rank() || value.shape.rank() == 0) return -1;
  const int rank = value.shape.rank();
  Channels channels = FromReaders(graph, uses, id);
  if (channels == Channels::kUnknown && value.producer != kNoNode) {
    channels = ChannelsOf(graph.node(value.producer));
  }
  if (channels == Channels::kUnknown) {
    channels = rank >= 4 ? Channels::kSecond : Channels::kLast;
  }
  return channels == Channels::kSecond && rank >= 2 ? 1 : rank - 1;
}

}  // namespace squint
