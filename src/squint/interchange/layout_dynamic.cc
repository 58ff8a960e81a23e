// Values quantized by what they hold at run time. DynamicQuantizeLinear makes
// uint8 integers, scale and zero point; a product with quantized weights then
// is the pattern that ONNX Runtime fuses (DynamicQuantizeMatMul):
//   MatMulInteger -> Cast -> Mul by (scale of x * scale of the weights)
// and ConvInteger likewise, with uint8 weights as its older kernels demand.
// Other readers get the dequantized numbers.
#include <algorithm>
#include <optional>

#include "squint/interchange/layout.h"
#include "squint/interchange/qdq.h"
#include "squint/ops/dynamic_product.h"

namespace squint {
namespace {

// The results of one DynamicQuantizeLinear.
struct Dynamic {
  ValueId integers = kNoValue;
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;
};

// Weights of one product as inputs of the integer operator.
struct Weights {
  ValueId integers = kNoValue;
  ValueId zero = kNoValue;
  Tensor scale;  // of a shape that broadcasts to the product
};

// The one zero point of all channels, as a scalar.
Tensor CommonZero(const QuantParams& params) {
  Tensor zero(params.dtype, {});
  WritePacked(zero.mutable_raw(), params.dtype, 0, params.zero_point_at());
  return zero;
}

// int8 as uint8 with a zero point 128 higher: the same numbers.
Tensor AsUnsigned(const Tensor& tensor) {
  if (tensor.dtype() == DType::kUint8) return tensor;
  Tensor result(DType::kUint8, tensor.dims());
  const auto values = tensor.values<int8_t>();
  std::transform(
      values.begin(), values.end(), result.mutable_data<uint8_t>(),
      [](int8_t value) { return static_cast<uint8_t>(value + 128); });
  return result;
}

Tensor Transposed(const Tensor& matrix) {
  Tensor result(matrix.dtype(), {matrix.dim(1), matrix.dim(0)});
  for (int64_t i = 0; i < matrix.dim(0); ++i) {
    for (int64_t j = 0; j < matrix.dim(1); ++j) {
      result.mutable_raw()[j * matrix.dim(0) + i] =
          matrix.raw()[i * matrix.dim(1) + j];
    }
  }
  return result;
}

// B of MatMul, and of Gemm, transposed here where transB says so.
Weights MatrixWeights(Layout& layout, const Node& node,
                      const QuantParams& params) {
  ValueId integers = layout.Integers(node.input(1));
  const std::string name = layout.graph.value(node.input(1)).name;
  if (node.Is("Gemm") && node.Int("transB", 0) != 0) {
    integers = layout.Parameter(
        name + "_quantized",
        Transposed(layout.graph.value(integers).constant.Materialize()));
  }
  return {integers, layout.Parameter(name + "_zero_point", CommonZero(params)),
          params.scale};
}

// W of Conv: [M, C/group, spatial...].
Weights ConvWeights(Layout& layout, const Node& node,
                    const QuantParams& params) {
  const std::string name = layout.graph.value(node.input(1)).name;
  const Tensor stored =
      layout.graph.value(node.input(1)).constant.Materialize();
  Weights weights;
  weights.integers = layout.Parameter(name + "_quantized", AsUnsigned(stored));
  weights.zero =
      layout.Parameter(name + "_zero_point", AsUnsigned(CommonZero(params)));
  Dims dims(static_cast<size_t>(stored.rank()) - 1, 1);
  dims[0] = params.scale.size();
  weights.scale =
      params.per_tensor() ? params.scale : params.scale.Reshaped(dims);
  return weights;
}

// [M] -> [M, 1, ...], which broadcasts along the channels of a Conv.
ValueId ConvBias(Layout& layout, NodeId before, ValueId bias, int rank) {
  Graph& graph = layout.graph;
  Dims dims(static_cast<size_t>(rank) - 1, 1);
  dims[0] = -1;
  const ValueId shape = layout.Parameter(
      "bias_shape",
      Tensor::Of<int64_t>({static_cast<int64_t>(dims.size())}, dims));
  return layout.Insert(before, "Reshape", {bias, shape},
                       graph.value(bias).name + "_channels",
                       graph.value(bias).dtype);
}

// Replaces the product `id` (MatMul, Gemm or Conv) by its integer form.
void InsertProduct(Layout& layout, NodeId id, const Dynamic& x,
                   const Weights& w) {
  Graph& graph = layout.graph;
  const Node product = graph.node(id);
  const std::string name = graph.value(product.output()).name;
  const bool is_conv = product.op_type == "Conv";
  Attributes attributes = is_conv ? product.attributes : Attributes{};
  const ValueId sums =
      layout.Insert(id, is_conv ? "ConvInteger" : "MatMulInteger",
                    {x.integers, w.integers, x.zero, w.zero}, name + "_sums",
                    DType::kInt32, std::move(attributes));
  graph.node(graph.value(sums).producer).user_names = product.user_names;
  const ValueId real =
      layout.Insert(id, "Cast", {sums}, name + "_cast", DType::kFloat32,
                    {{"to", static_cast<int64_t>(DType::kFloat32)}});
  const ValueId step = layout.Insert(
      id, "Mul", {x.scale, layout.Parameter(name + "_weight_scale", w.scale)},
      name + "_step", DType::kFloat32);
  graph.RemoveNode(id);
  if (!product.has_input(2)) {
    layout.InsertFor(product.output(), id, "Mul", {real, step});
    return;
  }
  const ValueId scaled =
      layout.Insert(id, "Mul", {real, step}, name + "_scaled", DType::kFloat32);
  ValueId bias = product.input(2);
  if (is_conv) {
    const int rank = graph.value(product.input(1)).constant.rank();
    bias = ConvBias(layout, id, bias, rank);
  }
  layout.InsertFor(product.output(), id, "Add", {scaled, bias});
}

std::optional<Weights> WeightsOf(Layout& layout, const Node& node) {
  if (!IsDynamicProduct(layout.graph, node)) return std::nullopt;
  const QuantParams params =
      Normalized(*layout.graph.value(node.input(1)).quant);
  return node.Is("Conv") ? ConvWeights(layout, node, params)
                         : MatrixWeights(layout, node, params);
}

void CheckWritable(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  const QuantParams& params = *value.quant;
  if (params.kind == QuantKind::kDynamicRow) {
    Fail(ErrorCode::kUnsupported,
         "tensor '{}': ONNX has no operator that quantizes row by row at run "
         "time; write one scale per tensor",
         value.name);
  }
  if (params.dtype != DType::kUint8 ||
      (value.dtype != DType::kFloat32 && value.dtype != DType::kUndefined)) {
    Fail(ErrorCode::kUnsupported,
         "tensor '{}': ONNX quantizes at run time from float32 to uint8 only, "
         "not from {} to {}",
         value.name, DTypeName(value.dtype), DTypeName(params.dtype));
  }
}

Dynamic InsertDynamicQuantize(Layout& layout, ValueId real, ValueId id,
                              NodeId before) {
  Graph& graph = layout.graph;
  const std::string name = graph.value(id).name;
  const Dynamic x = {
      graph.AddValue(name + "_quantized", DType::kUint8, graph.value(id).shape),
      graph.AddValue(name + "_scale", DType::kFloat32, Shape::Of({})),
      graph.AddValue(name + "_zero_point", DType::kUint8, Shape::Of({}))};
  const NodeId node =
      layout.InsertFor(x.integers, before, "DynamicQuantizeLinear", {real});
  graph.SetProducer(x.scale, node, 1);
  graph.SetProducer(x.zero, node, 2);
  return x;
}

void LayOutDynamicValue(Layout& layout, ValueId id, const UseMap& uses) {
  Graph& graph = layout.graph;
  CheckWritable(graph, id);
  graph.value(id).quant.reset();
  const NodeId producer = graph.value(id).producer;
  const bool requantized =
      producer != kNoNode && graph.node(producer).Is("Requantize", "squint");
  const ValueId real = requantized ? graph.node(producer).input(0) : id;
  const NodeId place = requantized ? producer : PlaceBehind(graph, id, uses);
  const Dynamic x = InsertDynamicQuantize(layout, real, id, place);
  const NodeId quantize = graph.value(x.integers).producer;
  size_t rewritten = 0;
  for (const Use& use : uses.of(id)) {
    if (use.node == kNoNode || use.index != 0) continue;
    const auto weights = WeightsOf(layout, graph.node(use.node));
    if (!weights) continue;
    InsertProduct(layout, use.node, x, *weights);
    ++rewritten;
  }
  if (requantized) graph.RemoveNode(producer);
  if (rewritten == uses.of(id).size()) return;
  const std::vector<ValueId> inputs = {x.integers, x.scale, x.zero};
  if (requantized) {
    layout.InsertFor(id, place, "DequantizeLinear", inputs);
    return;
  }
  const ValueId result =
      graph.AddValue(graph.value(id).name + "_dequantized",
                     graph.value(id).dtype, graph.value(id).shape);
  TakeOverReaders(graph, id, result, quantize);
  layout.InsertFor(result, place, "DequantizeLinear", inputs);
}

}  // namespace

void LayOutDynamic(Layout& layout) {
  Graph& graph = layout.graph;
  const int count = graph.num_values();
  for (ValueId id = 0; id < count; ++id) {
    const auto& quant = graph.value(id).quant;
    if (!quant || quant->kind == QuantKind::kStatic) continue;
    LayOutDynamicValue(layout, id, UseMap(graph));
  }
}

}  // namespace squint
