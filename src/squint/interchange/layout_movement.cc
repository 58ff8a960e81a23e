// int8 on both sides of data movement. Where only one side of a Reshape or
// the like is quantized, ONNX Runtime adds the missing pair at load time; on
// x86 it then turns int8 into uint8 and, from opset 21 on, refuses its own
// node ("output_dtype INT8 does not match y_zero_point type UINT8", seen in
// 1.32). Written out here the pairs are left alone. No number changes: on the
// grid of the input, quantizing again behind the movement is exact, and
// rounding commutes with movement and with maxima.
#include <algorithm>
#include <array>
#include <string_view>

#include "squint/interchange/layout.h"

namespace squint {
namespace {

constexpr std::array<std::string_view, 13> kMovement = {
    "DepthToSpace", "Expand",    "Flatten",  "Gather", "GatherElements",
    "MaxPool",      "Reshape",   "Slice",    "Split",  "Squeeze",
    "Tile",         "Transpose", "Unsqueeze"};

bool IsInt8(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return value.quant && value.quant->kind == QuantKind::kStatic &&
         value.quant->dtype == DType::kInt8 && value.quant->per_tensor() &&
         !value.quant->scale.empty();
}

bool IsPlainFloat(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return !value.is_constant() && !value.quant && value.dtype == DType::kFloat32;
}

// A value of its own, quantized like `like`, for this reader of `id`.
void QuantizeEdge(Graph& graph, NodeId reader, ValueId id, ValueId like) {
  const Value source = graph.value(id);
  const ValueId rounded =
      graph.AddValue(source.name + "_rounded", source.dtype, source.shape);
  graph.value(rounded).quant = graph.value(like).quant;
  Node requantize;
  requantize.op_type = "Requantize";
  requantize.domain = "squint";
  requantize.inputs = {id};
  requantize.outputs = {rounded};
  graph.InsertBefore(reader, std::move(requantize));
  graph.ReplaceInput(reader, 0, rounded);
}

}  // namespace

bool IsMovement(const Node& node) {
  return node.domain.empty() &&
         std::find(kMovement.begin(), kMovement.end(), node.op_type) !=
             kMovement.end() &&
         std::count_if(node.outputs.begin(), node.outputs.end(),
                       [](ValueId id) { return id != kNoValue; }) == 1;
}

void QuantizeBothSidesOfMovement(Graph& graph) {
  std::vector<NodeId> order = graph.order();
  std::erase_if(order, [&](NodeId id) { return !IsMovement(graph.node(id)); });
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    if (IsInt8(graph, node.input(0)) && IsPlainFloat(graph, node.output())) {
      graph.value(node.output()).quant = graph.value(node.input(0)).quant;
    }
  }
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const ValueId input = graph.node(*it).input(0);
    const ValueId output = graph.node(*it).output();
    if (!IsInt8(graph, output) || !IsPlainFloat(graph, input)) {
      continue;
    }
    const NodeId producer = graph.value(input).producer;
    if (producer != kNoNode && IsMovement(graph.node(producer)) &&
        UseMap(graph).SoleReader(input) == *it) {
      graph.value(input).quant = graph.value(output).quant;
    } else {
      QuantizeEdge(graph, *it, input, output);
    }
  }
}

}  // namespace squint
