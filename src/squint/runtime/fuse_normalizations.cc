#include "squint/runtime/fuse_normalizations.h"

#include <utility>
#include <vector>

#include "squint/ops/layer_normalization_to_bytes.h"
#include "squint/ops/op.h"
#include "squint/runtime/vanishing.h"

namespace squint {
namespace {

using In = NormalizationInputs;

class NormalizationFusion {
 public:
  explicit NormalizationFusion(Graph& graph)
      : graph_(graph), values_(graph), uses_(graph) {}

  void Run() {
    for (const NodeId id : graph_.order()) {
      if (!graph_.node(id).removed && IsOfRows(graph_.node(id))) Fuse(id);
    }
    graph_.Compact();
  }

 private:
  // The way of a normalization's result to bytes.
  struct Way {
    NodeId factor_node = kNoNode;
    ValueId factor = kNoValue;
    NodeId quantize = kNoNode;
  };

  bool IsOfRows(const Node& node) const {
    if (!node.Is("LayerNormalization") || node.output(1) != kNoValue ||
        node.output(2) != kNoValue || !IsPlainFloat(graph_, node.input(0)) ||
        !IsPlainFloat(graph_, node.output())) {
      return false;
    }
    const Shape& shape = graph_.value(node.output()).shape;
    return shape.has_rank() && shape.rank() > 0 &&
           NormalizeAxis(node.Int("axis", -1), shape.rank()) ==
               shape.rank() - 1;
  }

  bool IsQuantize(NodeId id, ValueId real) const {
    if (id == kNoNode) return false;
    const Node& node = graph_.node(id);
    return !node.removed && node.Is("QuantizeLinear") &&
           node.input(0) == real &&
           IsByteGrid(graph_, node.input(1), node.input(2));
  }

  // The first that is found; quantize is kNoNode where none is.
  Way WayToBytes(ValueId real) const {
    for (const Use& use : uses_.of(real)) {
      if (use.node == kNoNode) continue;
      if (IsQuantize(use.node, real)) return {kNoNode, kNoValue, use.node};
      const Node& node = graph_.node(use.node);
      const ValueId factor = ColumnFactor(graph_, node, real);
      if (factor == kNoValue) continue;
      const NodeId quantize = values_.ReaderOf(node.output());
      if (IsQuantize(quantize, node.output())) {
        return {use.node, factor, quantize};
      }
    }
    return {};
  }

  // The sum of two equally large values that only this node reads.
  NodeId SumBefore(const Node& node) const {
    const NodeId id = values_.MakerOf(node.input(0));
    if (id == kNoNode) return kNoNode;
    const Node& sum = graph_.node(id);
    const Shape& shape = graph_.value(node.input(0)).shape;
    if (sum.removed || !sum.Is("Add")) return kNoNode;
    for (const ValueId input : sum.inputs) {
      if (!IsPlainFloat(graph_, input) || graph_.value(input).shape != shape)
        return kNoNode;
    }
    return id;
  }

  void Fuse(NodeId id) {
    const Node old = graph_.node(id);
    const ValueId real = old.output();
    const Way way = WayToBytes(real);
    if (way.quantize == kNoNode) return;
    const Node quantize = graph_.node(way.quantize);
    std::vector<ValueId> inputs(In::kCount, kNoValue);
    inputs[In::kX] = old.input(0);
    inputs[In::kScale] = old.input(1);
    inputs[In::kBias] = old.input(2);
    inputs[In::kFactor] = way.factor;
    inputs[In::kResultScale] = quantize.input(1);
    inputs[In::kResultZero] = quantize.input(2);
    if (const NodeId sum = SumBefore(old); sum != kNoNode) {
      inputs[In::kX] = graph_.node(sum).input(0);
      inputs[In::kAdded] = graph_.node(sum).input(1);
      graph_.RemoveNode(sum);
    }
    const bool vanishes = values_.ReaderOf(real) != kNoNode;
    graph_.RemoveNode(way.quantize);
    if (way.factor_node != kNoNode) graph_.RemoveNode(way.factor_node);
    Node& made = graph_.node(id);
    made.op_type = "LayerNormalizationToBytes";
    made.domain = "squint";
    made.inputs = std::move(inputs);
    made.outputs.clear();
    if (vanishes) {
      graph_.value(real).producer = kNoNode;
    } else {
      graph_.SetProducer(real, id, 0);
    }
    graph_.SetProducer(quantize.output(), id, made.outputs.size());
  }

  Graph& graph_;
  VanishingValues values_;
  UseMap uses_;
};

}  // namespace

void FuseNormalizations(Graph& graph) { NormalizationFusion(graph).Run(); }

}  // namespace squint
