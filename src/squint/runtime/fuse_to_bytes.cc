#include "squint/runtime/fuse_to_bytes.h"

#include <string>
#include <utility>
#include <vector>

#include "squint/ops/dynamic_product.h"
#include "squint/ops/matmul_to_bytes.h"
#include "squint/runtime/vanishing.h"

namespace squint {
namespace {

constexpr size_t kBias = ToBytesInputs::kBias;

class ByteFusion {
 public:
  explicit ByteFusion(Graph& graph) : graph_(graph), values_(graph) {}

  void Run() {
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (node.removed) continue;
      if (node.Is("Softmax")) FuseSoftmax(id);
      if (!node.Is("MatMulIntegerToFloat", "com.microsoft") ||
          !graph_.value(node.input(1)).is_constant()) {
        continue;
      }
      if (!node.has_input(kBias)) TakeBias(id);
      MakeBytes(id);
    }
    graph_.Compact();
  }

 private:
  const Node* ReaderOf(ValueId id) const {
    const NodeId reader = values_.ReaderOf(id);
    return reader == kNoNode ? nullptr : &graph_.node(reader);
  }
  NodeId ReaderId(ValueId id) const { return values_.ReaderOf(id); }

  // A node and its result go; what reads it reads `from`.
  void Skip(NodeId skipped, ValueId from, NodeId producer) {
    const ValueId result = graph_.node(skipped).output();
    graph_.RemoveNode(skipped);
    graph_.SetProducer(result, producer, 0);
    graph_.value(from).producer = kNoNode;
  }

  void TakeBias(NodeId id) {
    const ValueId y = graph_.node(id).output();
    const Node* sum = ReaderOf(y);
    if (sum == nullptr || !sum->Is("Add") || sum->input(0) == sum->input(1)) {
      return;
    }
    const ValueId bias = sum->input(0) == y ? sum->input(1) : sum->input(0);
    const Tensor& weight = graph_.value(graph_.node(id).input(1)).constant;
    if (weight.rank() != 2 || !IsBiasOfColumns(graph_, bias, weight.dim(1)))
      return;
    Skip(ReaderId(y), y, id);
    Node& product = graph_.node(id);
    product.inputs.resize(kBias, kNoValue);
    product.inputs.push_back(bias);
  }

  // "" where the node is none that a store can compute.
  static std::string FunctionOf(const Node& node) {
    if (!node.Is("Gelu")) return "";
    const std::string approximate = node.String("approximate", "none");
    if (approximate == "none") return "Gelu";
    return approximate == "tanh" ? "GeluByTanh" : "";
  }

  // Moves elements, by constants.
  bool IsMovement(const Node& node, ValueId data) const {
    if (!node.Is("Reshape") && !node.Is("Transpose")) return false;
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (!graph_.value(node.input(i)).is_constant()) return false;
    }
    return node.input(0) == data;
  }

  // One scale for all, 8 bits.
  bool IsByteQuantize(const Node& node) const {
    return node.Is("QuantizeLinear") &&
           IsByteGrid(graph_, node.input(1), node.input(2));
  }

  // The operand of a sum beside which the other is broadcast, or kNoValue.
  ValueId Whole(const Node& sum) const {
    const Shape& y = graph_.value(sum.output()).shape;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const Value& value = graph_.value(sum.input(i));
      if (!value.is_constant() && value.shape == y) return sum.input(i);
    }
    return kNoValue;
  }

  // The sum that a Softmax over rows alone reads joins it.
  void FuseSoftmax(NodeId id) {
    const Node softmax = graph_.node(id);
    const Shape& shape = graph_.value(softmax.output()).shape;
    const Node* next = ReaderOf(softmax.output());
    if (!shape.has_rank() || shape.rank() == 0 || next == nullptr ||
        !IsByteQuantize(*next) ||
        NormalizeAxis(softmax.Int("axis", -1), shape.rank()) !=
            shape.rank() - 1) {
      return;
    }
    std::vector<ValueId> inputs = {softmax.input(0), kNoValue, next->input(1),
                                   next->input(2)};
    Skip(ReaderId(softmax.output()), softmax.output(), id);
    const NodeId sum = graph_.value(inputs[0]).producer;
    if (sum != kNoNode && graph_.node(sum).Is("Add") &&
        ReaderOf(inputs[0]) != nullptr && Whole(graph_.node(sum)) != kNoValue) {
      const Node add = graph_.node(sum);
      const ValueId whole = Whole(add);
      inputs[0] = whole;
      inputs[1] = add.input(0) == whole ? add.input(1) : add.input(0);
      graph_.RemoveNode(sum);
    }
    Node& made = graph_.node(id);
    made.op_type = "SoftmaxToBytes";
    made.domain = "squint";
    made.attributes.clear();
    made.inputs = std::move(inputs);
  }

  void MakeBytes(NodeId id) {
    ValueId y = graph_.node(id).output();
    const Node* next = ReaderOf(y);
    std::string function;
    NodeId function_node = kNoNode;
    if (next != nullptr && !FunctionOf(*next).empty()) {
      function = FunctionOf(*next);
      function_node = ReaderId(y);
      y = next->output();
      next = ReaderOf(y);
    }
    NodeId factor_node = kNoNode;
    ValueId factor = kNoValue;
    if (function_node != kNoNode && next != nullptr) {
      factor = ColumnFactor(graph_, *next, y);
    }
    if (factor != kNoValue) {
      factor_node = ReaderId(y);
      y = next->output();
      next = ReaderOf(y);
    }
    std::vector<ValueId> moved;
    while (next != nullptr && IsMovement(*next, y)) {
      moved.push_back(y);
      y = next->output();
      next = ReaderOf(y);
    }
    if (next == nullptr || !IsByteQuantize(*next)) return;
    const ValueId scale = next->input(1);
    const ValueId zero = next->input(2);
    if (function_node != kNoNode) {
      Skip(function_node, graph_.node(id).output(), id);
    }
    if (factor_node != kNoNode) {
      Skip(factor_node, graph_.node(id).output(), id);
    }
    // What the last movement makes, or the product itself, are the bytes.
    const NodeId last = graph_.value(y).producer;
    Skip(ReaderId(y), y, last);
    const DType bytes = graph_.value(zero).dtype;
    for (const ValueId value : moved) graph_.value(value).dtype = bytes;
    Node& product = graph_.node(id);
    product.op_type = "MatMulIntegerToBytes";
    product.domain = "squint";
    product.attributes.clear();
    if (!function.empty()) product.Set("function", function);
    product.inputs.resize(ToBytesInputs::kCount, kNoValue);
    product.inputs[ToBytesInputs::kScale] = scale;
    product.inputs[ToBytesInputs::kZero] = zero;
    product.inputs[ToBytesInputs::kFactor] = factor;
  }

  Graph& graph_;
  VanishingValues values_;
};

}  // namespace

void FuseToBytes(Graph& graph) { ByteFusion(graph).Run(); }

}  // namespace squint
