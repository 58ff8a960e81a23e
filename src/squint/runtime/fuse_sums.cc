#include "squint/runtime/fuse_sums.h"

#include <optional>
#include <vector>

#include "squint/ops/dynamic_product.h"
#include "squint/ops/matmul_add.h"
#include "squint/runtime/vanishing.h"

namespace squint {
namespace {

using In = MatMulAddInputs;

struct Candidate {
  NodeId product;
  size_t operand;  // place of its result among the inputs of the sum
  size_t input;    // that the other operand becomes
};

class SumFusion {
 public:
  explicit SumFusion(Graph& graph) : graph_(graph), values_(graph) {}

  // Who reads the sum stays the same.
  void Run() {
    const std::vector<NodeId> order = graph_.order();
    place_.resize(static_cast<size_t>(graph_.num_nodes()));
    for (size_t i = 0; i < order.size(); ++i) {
      place_[static_cast<size_t>(order[i])] = i;
    }
    for (const NodeId id : order) {
      const Node& sum = graph_.node(id);
      if (!sum.Is("Add") || sum.input(0) == sum.input(1)) continue;
      if (const auto found = Find(id)) Join(id, *found);
    }
    graph_.Compact();
  }

 private:
  // Of a product of rows; null where it is none that the step knows.
  const Tensor* WeightOf(const Node& node) const {
    if (!node.Is("MatMul") && !node.Is("MatMulAdd", "squint")) return nullptr;
    const Tensor* weight = graph_.ConstantOf(node.input(In::kB));
    const Shape& rows = graph_.value(node.input(In::kA)).shape;
    const bool fits = weight != nullptr && weight->rank() == 2 &&
                      rows.has_rank() && rows.rank() >= 2 &&
                      IsPlainFloat(graph_, node.input(In::kA)) &&
                      IsPlainFloat(graph_, node.input(In::kB));
    return fits ? weight : nullptr;
  }

  // A bias comes first.
  static bool CanTake(const Node& node, size_t input) {
    return node.Is("MatMul") ||
           (input == In::kAdded && !node.has_input(In::kAdded));
  }

  // Where the operand of a sum goes, beside a product of that many columns.
  // What is as large has to be known to be so; a bias broadcasts to any
  // product.
  size_t InputFor(ValueId operand, ValueId product, int64_t columns) const {
    if (IsBiasOfColumns(graph_, operand, columns)) return In::kBias;
    const Shape& shape = graph_.value(product).shape;
    const bool whole = shape.has_rank() && IsPlainFloat(graph_, operand) &&
                       !graph_.value(operand).is_constant() &&
                       graph_.value(operand).shape == shape;
    return whole ? In::kAdded : In::kCount;
  }

  // A product takes what is there when its turn comes: it could not move behind
  // it without keeping its own operand, which may be larger than its result.
  bool IsMadeBefore(ValueId value, NodeId product) const {
    const NodeId producer = graph_.value(value).producer;
    return producer == kNoNode || place_[static_cast<size_t>(producer)] <
                                      place_[static_cast<size_t>(product)];
  }

  // Of two products, the later one.
  std::optional<Candidate> Find(NodeId id) const {
    const Node& sum = graph_.node(id);
    std::optional<Candidate> found;
    for (const size_t operand : {size_t{0}, size_t{1}}) {
      const ValueId from = sum.input(operand);
      const NodeId product = graph_.value(from).producer;
      if (product == kNoNode || values_.ReaderOf(from) != id) continue;
      const Node& node = graph_.node(product);
      const Tensor* weight = WeightOf(node);
      if (weight == nullptr) continue;
      const ValueId other = sum.input(1 - operand);
      const size_t input = InputFor(other, from, weight->dim(1));
      if (input != In::kCount && CanTake(node, input) &&
          IsMadeBefore(other, product)) {
        found = Candidate{product, operand, input};
      }
    }
    return found;
  }

  void Join(NodeId id, const Candidate& candidate) {
    const Node sum = graph_.node(id);
    graph_.RemoveNode(id);
    Node& product = graph_.node(candidate.product);
    graph_.value(product.output()).producer = kNoNode;
    product.op_type = "MatMulAdd";
    product.domain = "squint";
    product.inputs.resize(In::kCount, kNoValue);
    product.inputs[candidate.input] = sum.input(1 - candidate.operand);
    graph_.SetProducer(sum.output(), candidate.product, 0);
  }

  Graph& graph_;
  VanishingValues values_;
  std::vector<size_t> place_;  // of each node in the order
};

}  // namespace

void FuseSums(Graph& graph) { SumFusion(graph).Run(); }

}  // namespace squint
