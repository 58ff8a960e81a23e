// Dynamic models: DynamicQuantizeLinear, and products of its integers with
// fixed weights that are scaled back to reals, become products whose left
// operand is quantized by its own range; LayOutDynamic writes the same nodes
// again. A DynamicQuantizeLinear with any other reader stays as it is.
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "squint/interchange/absorb.h"
#include "squint/interchange/qdq.h"
#include "squint/ops/dynamic_product.h"

namespace squint {
namespace {

// One product: integers -> MatMulInteger -> Cast -> Mul(., step), where
// step = Mul(scale of x, scale of w).
struct Product {
  NodeId sums = kNoNode;
  NodeId cast = kNoNode;
  NodeId step = kNoNode;
  NodeId scaled = kNoNode;
  Tensor weight_scale;
  bool is_conv = false;
};

// The input of a two-operand node that is not `id`.
ValueId Other(const Node& node, ValueId id) {
  return node.input(0) == id ? node.input(1) : node.input(0);
}

class DynamicAbsorber {
 public:
  explicit DynamicAbsorber(Graph& graph) : graph_(graph), uses_(graph) {}

  void Run() {
    for (const NodeId id : graph_.order()) {
      if (graph_.node(id).Is("DynamicQuantizeLinear")) {
        AbsorbQuantize(id);
      } else if (graph_.node(id).Is("DynamicQuantizeMatMul", "com.microsoft")) {
        AbsorbFused(id);
      }
    }
  }

 private:
  // All readers of the integers are such products or DQs, all readers of
  // scale and zero point belong to them.
  void AbsorbQuantize(NodeId id) {
    const Node node = graph_.node(id);
    if (node.outputs.size() != 3 || !node.has_input(0)) return;
    for (const ValueId output : node.outputs) {
      if (output == kNoValue) return;
    }
    std::vector<Product> products;
    std::vector<NodeId> dequantizes;
    for (const Use& use : uses_.of(node.output(0))) {
      if (use.node == kNoNode || use.index != 0) return;
      const Node& reader = graph_.node(use.node);
      if (reader.Is("DequantizeLinear") && reader.inputs.size() == 3 &&
          reader.input(1) == node.output(1) &&
          reader.input(2) == node.output(2)) {
        dequantizes.push_back(use.node);
        continue;
      }
      auto product = ProductOf(use.node, node);
      if (!product) return;
      products.push_back(*std::move(product));
    }
    const size_t readers = products.size() + dequantizes.size();
    if (products.empty() || uses_.of(node.output(1)).size() != readers ||
        uses_.of(node.output(2)).size() != readers) {
      return;
    }
    const ValueId x = Quantized(id, node.input(0));
    for (const Product& product : products) Replace(product, x);
    for (const NodeId dequantize : dequantizes) {
      graph_.node(dequantize).op_type = "Identity";
      graph_.node(dequantize).inputs = {x};
      graph_.node(dequantize).attributes.clear();
    }
    graph_.RemoveNode(id);
  }

  std::optional<Product> ProductOf(NodeId id, const Node& quantize) const {
    const Node& node = graph_.node(id);
    Product product;
    product.sums = id;
    product.is_conv = node.Is("ConvInteger");
    if ((!product.is_conv && !node.Is("MatMulInteger")) ||
        node.output() == kNoValue || node.input(2) != quantize.output(2) ||
        !HasPlainWeight(node)) {
      return std::nullopt;
    }
    product.cast = uses_.SoleReader(node.output());
    if (product.cast == kNoNode || !IsCastToFloat(product.cast)) {
      return std::nullopt;
    }
    const ValueId real = graph_.node(product.cast).output();
    if (real == kNoValue) return std::nullopt;
    product.scaled = uses_.SoleReader(real);
    if (product.scaled == kNoNode || !graph_.node(product.scaled).Is("Mul")) {
      return std::nullopt;
    }
    const ValueId step = Other(graph_.node(product.scaled), real);
    if (step == kNoValue) return std::nullopt;
    product.step = graph_.value(step).producer;
    if (product.step == kNoNode || !graph_.node(product.step).Is("Mul") ||
        uses_.of(step).size() != 1) {
      return std::nullopt;
    }
    const Node& steps = graph_.node(product.step);
    const ValueId scale = Other(steps, quantize.output(1));
    const bool of_x = steps.input(0) == quantize.output(1) ||
                      steps.input(1) == quantize.output(1);
    if (!of_x || !HasPlainScale(node, scale)) return std::nullopt;
    product.weight_scale = graph_.value(scale).constant.Materialize();
    return product;
  }

  bool IsCastToFloat(NodeId id) const {
    return graph_.node(id).Is("Cast") &&
           graph_.node(id).Int("to", 0) ==
               static_cast<int64_t>(DType::kFloat32);
  }

  bool HasPlainWeight(const Node& node) const {
    if (!IsFixed(graph_, node.input(1))) return false;
    const Tensor& weight = graph_.value(node.input(1)).constant;
    if (weight.rank() < 2 || BitsOf(weight.dtype()) != 8) return false;
    if (!node.has_input(3)) return true;
    if (!IsFixed(graph_, node.input(3))) return false;
    const Tensor& zero = graph_.value(node.input(3)).constant;
    const std::vector<int64_t> zeros = zero.ToInts();
    return zero.dtype() == weight.dtype() && !zeros.empty() &&
           std::adjacent_find(zeros.begin(), zeros.end(),
                              std::not_equal_to<>()) == zeros.end();
  }

  // One scale, [N] for a matrix, [M, 1, ...] for a convolution.
  bool HasPlainScale(const Node& node, ValueId id) const {
    if (!IsFixed(graph_, id) || graph_.value(id).dtype != DType::kFloat32) {
      return false;
    }
    const Tensor& scale = graph_.value(id).constant;
    const Tensor& weight = graph_.value(node.input(1)).constant;
    const std::vector<float> values = scale.ToFloats();
    if (!std::all_of(values.begin(), values.end(),
                     [](float value) { return value > 0.0f; })) {
      return false;
    }
    if (scale.size() == 1) return scale.rank() <= 1;
    if (node.Is("MatMulInteger")) {
      return scale.dims() == Dims{weight.dim(weight.rank() - 1)};
    }
    Dims expected(static_cast<size_t>(weight.rank()) - 1, 1);
    expected[0] = weight.dim(0);
    return scale.dims() == expected;
  }

  // What `x` holds, quantized by its range: in place of node `id`.
  ValueId Quantized(NodeId id, ValueId x) {
    const Value source = graph_.value(x);
    const ValueId made = graph_.AddValue(source.name + "_dynamic",
                                         DType::kFloat32, source.shape);
    QuantParams params;
    params.dtype = DType::kUint8;
    params.kind = QuantKind::kDynamicTensor;
    graph_.value(made).quant = params;
    Node node;
    node.op_type = "Requantize";
    node.domain = "squint";
    node.inputs = {x};
    node.outputs = {made};
    graph_.InsertBefore(id, std::move(node));
    return made;
  }

  ValueId Weight(ValueId integers, const Tensor& scale, const Tensor* zero,
                 int axis) {
    const Tensor stored = graph_.value(integers).constant;
    QuantParams params;
    params.dtype = stored.dtype();
    params.axis = scale.size() == 1 ? -1 : axis;
    params.scale = scale.Reshaped({scale.size()});
    params.zero_point = Tensor(stored.dtype(), {scale.size()});
    const auto number =
        zero == nullptr ? std::byte{0} : zero->Materialize().raw()[0];
    std::fill_n(params.zero_point.mutable_raw(), scale.size(), number);
    const ValueId id =
        graph_.AddConstant(graph_.value(integers).name + "_real", stored);
    graph_.value(id).dtype = DType::kFloat32;
    graph_.value(id).quant = Normalized(std::move(params));
    return id;
  }

  void Replace(const Product& product, ValueId x) {
    const Node sums = graph_.node(product.sums);
    const Tensor* zero = graph_.ConstantOf(sums.input(3));
    const int rank = graph_.value(sums.input(1)).constant.rank();
    const ValueId weight = Weight(sums.input(1), product.weight_scale, zero,
                                  product.is_conv ? 0 : rank - 1);
    const ValueId result = graph_.node(product.scaled).output();
    for (const NodeId id : {product.sums, product.cast, product.step}) {
      graph_.RemoveNode(id);
    }
    Node node;
    node.op_type = product.is_conv ? "Conv" : "MatMul";
    node.name = sums.name;
    node.user_names = sums.user_names;
    node.attributes = sums.attributes;
    node.inputs = {x, weight};
    node.outputs = {result};
    graph_.RemoveNode(product.scaled);
    graph_.InsertBefore(product.scaled, std::move(node));
  }

  // A, B, scale, zero point, bias in one node.
  void AbsorbFused(NodeId id) {
    const Node node = graph_.node(id);
    if (!node.has_input(0) || node.output() == kNoValue ||
        !HasFixedParameters(node)) {
      return;
    }
    const int rank = graph_.value(node.input(1)).constant.rank();
    const ValueId weight =
        Weight(node.input(1), graph_.value(node.input(2)).constant,
               graph_.ConstantOf(node.input(3)), rank - 1);
    Node product;
    product.op_type = "MatMul";
    product.name = node.name;
    product.user_names = node.user_names;
    product.inputs = {Quantized(id, node.input(0)), weight};
    product.outputs = {node.output()};
    graph_.RemoveNode(id);
    if (!node.has_input(4)) {
      graph_.InsertBefore(id, std::move(product));
      return;
    }
    product.outputs = {graph_.AddValue(
        graph_.value(node.output()).name + "_product", DType::kFloat32)};
    Node sum;
    sum.op_type = "Add";
    sum.inputs = {product.outputs[0], node.input(4)};
    sum.outputs = {node.output()};
    graph_.InsertBefore(id, std::move(product));
    graph_.InsertBefore(id, std::move(sum));
  }

  bool HasFixedParameters(const Node& node) const {
    Node matrix;  // the same weight as MatMulInteger has it
    matrix.op_type = "MatMulInteger";
    matrix.inputs = {node.input(0), node.input(1), kNoValue, node.input(3)};
    return HasPlainWeight(matrix) && HasPlainScale(matrix, node.input(2));
  }

  Graph& graph_;
  UseMap uses_;
};

}  // namespace

void AbsorbDynamic(Graph& graph) { DynamicAbsorber(graph).Run(); }

}  // namespace squint
