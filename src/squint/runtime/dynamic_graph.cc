#include "squint/runtime/dynamic_graph.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "squint/ops/dynamic_product.h"
#include "squint/ops/layout.h"
#include "squint/ops/operand_params.h"

namespace squint {
namespace {

// The results of one DynamicQuantizeLinear.
struct Dynamic {
  ValueId integers = kNoValue;
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;
};

class DynamicLowering {
 public:
  explicit DynamicLowering(Graph& graph) : graph_(graph), uses_(graph) {}

  void Run() {
    const int count = graph_.num_values();
    for (ValueId id = 0; id < count; ++id) {
      if (IsDynamic(id)) Lower(id);
    }
  }

 private:
  bool IsDynamic(ValueId id) const {
    const Value& value = graph_.value(id);
    return value.quant && !value.is_constant() &&
           value.quant->kind == QuantKind::kDynamicTensor &&
           value.quant->dtype == DType::kUint8 &&
           value.dtype == DType::kFloat32;
  }

  // The left operand of a matrix product that the kernels compute.
  bool IsProduct(const Use& use) const {
    if (use.node == kNoNode || use.index != 0) return false;
    const Node& node = graph_.node(use.node);
    if (node.Is("Conv") || !IsDynamicProduct(graph_, node)) return false;
    const Value& y = graph_.value(node.output());
    return graph_.value(node.input(1)).constant.rank() == 2 && !y.quant &&
           (!node.has_input(2) || HasPlainBias(node));
  }

  // Of Gemm: one number for each column.
  bool HasPlainBias(const Node& node) const {
    const Value& bias = graph_.value(node.input(2));
    return IsBiasOfColumns(graph_, node.input(2), ColumnsOf(node)) ||
           (bias.shape.has_rank() && bias.shape.rank() == 1 && !bias.quant &&
            bias.shape[0].is(ColumnsOf(node)));
  }

  int64_t ColumnsOf(const Node& node) const {
    const bool turned = node.Is("Gemm") && node.Int("transB", 0) != 0;
    return graph_.value(node.input(1)).constant.dim(turned ? 0 : 1);
  }

  void Lower(ValueId id) {
    std::vector<NodeId> products;
    size_t others = 0;
    for (const Use& use : uses_.of(id)) {
      if (IsProduct(use)) {
        products.push_back(use.node);
      } else {
        ++others;
      }
    }
    if (products.empty()) return;
    const NodeId producer = graph_.value(id).producer;
    const bool requantized =
        producer != kNoNode && graph_.node(producer).Is("Requantize", "squint");
    // Its other readers want the rounded numbers under this name.
    if (!requantized && (others > 0 || graph_.IsCapture(id))) return;
    ValueId real = id;
    if (requantized) {
      real = graph_.node(producer).input(0);
    } else {
      graph_.value(id).quant.reset();
    }
    const Dynamic x = InsertQuantize(real, id, FirstOf(products));
    for (const NodeId product : products) Replace(product, x);
    if (requantized && others == 0) graph_.RemoveNode(producer);
  }

  NodeId FirstOf(const std::vector<NodeId>& nodes) const {
    const std::vector<NodeId> order = graph_.order();
    return *std::ranges::find_first_of(order, nodes);
  }

  Dynamic InsertQuantize(ValueId real, ValueId id, NodeId before) {
    const std::string name = graph_.value(id).name;
    const Dynamic x = {
        graph_.AddValue(name + "_stored", DType::kUint8,
                        graph_.value(id).shape),
        graph_.AddValue(name + "_scale", DType::kFloat32, Shape::Of({})),
        graph_.AddValue(name + "_zero_point", DType::kUint8, Shape::Of({}))};
    Node node;
    node.op_type = "DynamicQuantizeLinear";
    node.name = name + "_quantize";
    node.inputs = {real};
    node.outputs = {x.integers, x.scale, x.zero};
    graph_.InsertBefore(before, std::move(node));
    return x;
  }

  // The stored weight as [K, N].
  ValueId StoredWeight(const Node& node) {
    const Value weight = graph_.value(node.input(1));
    const bool turned = node.Is("Gemm") && node.Int("transB", 0) != 0;
    return graph_.AddConstant(
        weight.name + "_stored",
        turned ? TransposeTensor(weight.constant.Materialize(), {1, 0})
               : weight.constant);
  }

  void Replace(NodeId id, const Dynamic& x) {
    const Node before = graph_.node(id);
    const Value weight = graph_.value(before.input(1));
    const ParameterTensors tensors = ParameterTensorsOf(*weight.quant);
    const ValueId stored = StoredWeight(before);
    const ValueId w_scale =
        graph_.AddConstant(weight.name + "_scale", tensors.scale);
    const ValueId w_zero =
        graph_.AddConstant(weight.name + "_zero_point", tensors.zero_point);
    const ValueId bias = before.input(2);
    Node& node = graph_.node(id);
    node.op_type = "MatMulIntegerToFloat";
    node.domain = "com.microsoft";
    node.attributes.clear();
    node.inputs = {x.integers, stored, x.scale, w_scale, x.zero, w_zero};
    if (bias != kNoValue) node.inputs.push_back(bias);
  }

  Graph& graph_;
  UseMap uses_;
};

}  // namespace

void LowerDynamicProducts(Graph& graph) { DynamicLowering(graph).Run(); }

}  // namespace squint
