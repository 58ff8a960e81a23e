#include "squint/runtime/fuse_sums.h"

#include <optional>
#include <utility>

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

  // A product's inputs are read by the sum from then on; who reads the sum
  // stays the same.
  void Run() {
    for (const NodeId id : graph_.order()) {
      const Node& sum = graph_.node(id);
      if (!sum.Is("Add") || sum.input(0) == sum.input(1)) continue;
      if (const auto found = Find(id)) Join(id, *found);
    }
    graph_.Compact();
  }

 private:
  bool IsFloat(ValueId id) const {
    return graph_.value(id).dtype == DType::kFloat32 && !graph_.value(id).quant;
  }

  // A product that can still take something into `input`, and its weight.
  const Tensor* WeightOf(const Node& node, size_t input) const {
    const bool plain = node.Is("MatMul");
    if (!plain && !node.Is("MatMulAdd", "squint")) return nullptr;
    if (!plain && (input == In::kBias || node.has_input(input))) return nullptr;
    const Tensor* weight = graph_.ConstantOf(node.input(In::kB));
    const Shape& rows = graph_.value(node.input(In::kA)).shape;
    const bool fits = weight != nullptr && weight->rank() == 2 &&
                      rows.has_rank() && rows.rank() >= 2 &&
                      IsFloat(node.input(In::kA)) &&
                      IsFloat(node.input(In::kB));
    return fits ? weight : nullptr;
  }

  // Where the operand of a sum goes, beside a product of that many columns.
  // What is as large has to be known to be so; a bias broadcasts to any
  // product.
  size_t InputFor(ValueId operand, ValueId product, int64_t columns) const {
    if (IsBiasOfColumns(graph_, operand, columns)) return In::kBias;
    const Shape& shape = graph_.value(product).shape;
    const bool whole = shape.has_rank() && IsFloat(operand) &&
                       !graph_.value(operand).is_constant() &&
                       graph_.value(operand).shape == shape;
    return whole ? In::kAdded : In::kCount;
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
      const Tensor* weight = WeightOf(node, In::kAdded);
      if (weight == nullptr) continue;
      const size_t input =
          InputFor(sum.input(1 - operand), from, weight->dim(1));
      if (input == In::kCount || WeightOf(node, input) == nullptr) continue;
      if (!found || product > found->product) {
        found = Candidate{product, operand, input};
      }
    }
    return found;
  }

  void Join(NodeId id, const Candidate& candidate) {
    Node product = graph_.node(candidate.product);
    const ValueId other = graph_.node(id).input(1 - candidate.operand);
    graph_.RemoveNode(candidate.product);
    Node& made = graph_.node(id);
    made.op_type = "MatMulAdd";
    made.domain = "squint";
    made.inputs = std::move(product.inputs);
    made.inputs.resize(In::kCount, kNoValue);
    made.inputs[candidate.input] = other;
    made.attributes = std::move(product.attributes);
  }

  Graph& graph_;
  VanishingValues values_;
};

}  // namespace

void FuseSums(Graph& graph) { SumFusion(graph).Run(); }

}  // namespace squint
