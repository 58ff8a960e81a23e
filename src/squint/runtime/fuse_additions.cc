#include "squint/runtime/fuse_additions.h"

#include <array>
#include <optional>
#include <utility>

#include "squint/ops/conv_add.h"

namespace squint {
namespace {

struct Candidate {
  NodeId conv;
  size_t operand;  // place of its result among the inputs of the sum
};

bool IsPlainConv(const Graph& graph, NodeId id) {
  if (id == kNoNode) return false;
  const Node& node = graph.node(id);
  return node.Is("QLinearConv", "com.microsoft") &&
         node.Int("channels_last", 0) != 0 && node.Int("group", 1) == 1;
}

// Equal shapes, as far as inference knows, so that nothing is broadcast.
bool AddsLikeShapes(const Graph& graph, const Node& add) {
  const Value& a = graph.value(add.input(0));
  const Value& b = graph.value(add.input(3));
  const Value& y = graph.value(add.output());
  return !a.is_constant() && !b.is_constant() && a.shape == b.shape &&
         a.shape == y.shape;
}

// The convolution whose result the sum alone reads; of two, the later one.
std::optional<Candidate> FindConv(const Graph& graph, const UseMap& uses,
                                  NodeId id) {
  constexpr std::array<size_t, 2> kOperands = {3, 0};
  const Node& add = graph.node(id);
  std::optional<Candidate> found;
  for (const size_t operand : kOperands) {
    const ValueId from = add.input(operand);
    const NodeId conv = graph.value(from).producer;
    if (!IsPlainConv(graph, conv) || uses.SoleReader(from) != id ||
        graph.IsOutput(from) || add.input(0) == add.input(3) ||
        graph.value(from).dtype != graph.value(add.output()).dtype) {
      continue;
    }
    if (!found || conv > found->conv) found = Candidate{conv, operand};
  }
  return found;
}

void Join(Graph& graph, NodeId id, const Candidate& candidate) {
  Node conv = graph.node(candidate.conv);
  const Node add = graph.node(id);
  conv.inputs.resize(ConvAddInputs::kBias + 1, kNoValue);
  const size_t other = 3 - candidate.operand;
  for (const size_t i : {other, other + 1, other + 2, size_t{6}, size_t{7}}) {
    conv.inputs.push_back(add.input(i));
  }
  Attributes attributes = conv.attributes;
  attributes["conv_is_b"] = int64_t{candidate.operand == 3};
  graph.RemoveNode(candidate.conv);
  Node& made = graph.node(id);
  made.op_type = "QLinearConvAdd";
  made.domain = "squint";
  made.inputs = std::move(conv.inputs);
  made.attributes = std::move(attributes);
}

// Every parameter is there.
bool IsComplete(const Node& add) {
  for (size_t i = 0; i < 8; ++i) {
    if (!add.has_input(i)) return false;
  }
  return true;
}

}  // namespace

void FuseAdditions(Graph& graph) {
  // A joined convolution's inputs are read by the sum from then on; who reads
  // a sum, or another convolution's result, stays the same.
  const UseMap uses(graph);
  for (const NodeId id : graph.order()) {
    const Node& add = graph.node(id);
    if (!add.Is("QLinearAdd", "com.microsoft") || !IsComplete(add) ||
        !AddsLikeShapes(graph, add)) {
      continue;
    }
    const auto conv = FindConv(graph, uses, id);
    if (conv) Join(graph, id, *conv);
  }
  graph.Compact();
}

}  // namespace squint
