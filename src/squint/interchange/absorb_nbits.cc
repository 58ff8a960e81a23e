// com.microsoft::MatMulNBits is MatMul with a matrix quantized in blocks along
// its rows, the form that ONNX Runtime turns into MatMulNBits again.
#include <utility>

#include "squint/interchange/absorb.h"
#include "squint/interchange/qdq.h"
#include "squint/ops/nbits_weight.h"

namespace squint {
namespace {

enum Input : size_t { kA, kB, kScales, kZeroPoints, kGroupIndex, kBias };

// Float zero points and regrouped rows are beyond QuantParams; half
// precision rounds the dequantized weights once more.
bool IsPlain(const Graph& graph, const Node& node) {
  if (!node.Is("MatMulNBits", "com.microsoft") || !node.has_input(kA) ||
      node.output() == kNoValue || node.has_input(kGroupIndex) ||
      !IsFixed(graph, node.input(kB)) || !IsFixed(graph, node.input(kScales)) ||
      graph.value(node.input(kScales)).dtype != DType::kFloat32) {
    return false;
  }
  return !node.has_input(kZeroPoints) ||
         (IsFixed(graph, node.input(kZeroPoints)) &&
          graph.value(node.input(kZeroPoints)).dtype == DType::kUint8);
}

ValueId WeightOf(Graph& graph, const Node& node) {
  const auto constant = [&](Input i) {
    return graph.value(node.input(i)).constant.Materialize();
  };
  Tensor zeros;
  if (node.has_input(kZeroPoints)) zeros = constant(kZeroPoints);
  NBitsWeight weight =
      UnpackNBits(ReadNBitsShape(node), constant(kB), constant(kScales),
                  zeros.empty() ? nullptr : &zeros);
  const ValueId id = graph.AddConstant(
      graph.value(node.input(kB)).name + "_real", std::move(weight.stored));
  graph.value(id).dtype = DType::kFloat32;
  graph.value(id).quant = Normalized(std::move(weight.params));
  return id;
}

void Replace(Graph& graph, NodeId id) {
  const Node node = graph.node(id);
  Node product;
  product.op_type = "MatMul";
  product.name = node.name;
  product.user_names = node.user_names;
  product.inputs = {node.input(kA), WeightOf(graph, node)};
  product.outputs = {node.output()};
  graph.RemoveNode(id);
  if (!node.has_input(kBias)) {
    graph.InsertBefore(id, std::move(product));
    return;
  }
  const Value result = graph.value(node.output());
  product.outputs = {
      graph.AddValue(result.name + "_product", result.dtype, result.shape)};
  Node sum;
  sum.op_type = "Add";
  sum.inputs = {product.outputs[0], node.input(kBias)};
  sum.outputs = {node.output()};
  graph.InsertBefore(id, std::move(product));
  graph.InsertBefore(id, std::move(sum));
}

}  // namespace

void AbsorbNBits(Graph& graph) {
  for (const NodeId id : graph.order()) {
    if (IsPlain(graph, graph.node(id))) Replace(graph, id);
  }
}

}  // namespace squint
