// Small graphs for the tests of this module, and what to say about graphs.
#ifndef SQUINT_INTERCHANGE_EXAMPLE_GRAPHS_H_
#define SQUINT_INTERCHANGE_EXAMPLE_GRAPHS_H_

#include <string>
#include <utility>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// The operators in order, with a blank between: "QuantizeLinear Relu".
inline std::string OpsOf(const Graph& graph) {
  std::string text;
  for (const NodeId id : graph.order()) {
    text += (text.empty() ? "" : " ") + graph.node(id).op_type;
  }
  return text;
}

inline int CountOps(const Graph& graph, std::string_view op_type) {
  int count = 0;
  for (const NodeId id : graph.order()) {
    count += graph.node(id).op_type == op_type;
  }
  return count;
}

inline std::string InputName(const Graph& graph, const Node& node, size_t i) {
  return graph.value(node.input(i)).name;
}

inline const Node& NodeOf(const Graph& graph, std::string_view op_type) {
  for (const NodeId id : graph.order()) {
    if (graph.node(id).op_type == op_type) return graph.node(id);
  }
  Fail(ErrorCode::kInternal, "no {} in the graph", op_type);
}

inline const Value& ValueOf(const Graph& graph, std::string_view name) {
  const ValueId id = graph.FindValue(name);
  CheckInternal(id != kNoValue, "no such value");
  return graph.value(id);
}

// A float32 input of this shape in a graph of opset 25.
inline Graph GraphWithInput(std::string_view name, std::vector<int64_t> dims) {
  Graph graph;
  graph.opset[""] = 25;
  graph.AddInput(name, DType::kFloat32, Shape::Of(dims));
  return graph;
}

// A node with one typed output of this shape.
inline ValueId EmitFloat(Graph& graph, std::string_view op_type,
                         std::vector<ValueId> inputs, std::string_view output,
                         std::vector<int64_t> dims, Attributes attributes = {},
                         std::string_view domain = "") {
  const ValueId id = graph.Emit(op_type, std::move(inputs), output,
                                std::move(attributes), domain);
  graph.value(id).dtype = DType::kFloat32;
  graph.value(id).shape = Shape::Of(dims);
  return id;
}

// A constant that holds integers and stands for float32.
inline ValueId AddQuantizedConstant(Graph& graph, std::string_view name,
                                    Tensor stored, QuantParams params) {
  const ValueId id = graph.AddConstant(name, std::move(stored));
  graph.value(id).dtype = params.real_dtype;
  graph.value(id).quant = std::move(params);
  return id;
}

// 0, 1, 2, ... (modulo 100) as int8.
inline Tensor CountingInt8(Dims dims) {
  Tensor tensor(DType::kInt8, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<int8_t>()[i] = static_cast<int8_t>(i % 100);
  }
  return tensor;
}

// x [1,2,4,4] -> Conv (w int8 per channel, b int32) -> y, all quantized.
inline Graph QuantizedConv() {
  Graph graph = GraphWithInput("x", {1, 2, 4, 4});
  const ValueId x = graph.inputs()[0];
  graph.value(x).quant = PerTensor(DType::kUint8, 0.5f, 128);
  const std::vector<float> w_scales = {0.25f, 0.5f, 1.0f};
  const ValueId w = AddQuantizedConstant(graph, "w", CountingInt8({3, 2, 1, 1}),
                                         PerChannel(DType::kInt8, 0, w_scales));
  const std::vector<float> b_scales = {0.125f, 0.25f, 0.5f};
  const ValueId b =
      AddQuantizedConstant(graph, "b", Tensor::Of<int32_t>({3}, {5, -6, 7}),
                           PerChannel(DType::kInt32, 0, b_scales));
  const ValueId y = EmitFloat(graph, "Conv", {x, w, b}, "y", {1, 3, 4, 4});
  graph.value(y).quant = PerTensor(DType::kUint8, 2.0f, 3);
  graph.AddOutput(y);
  return graph;
}

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_EXAMPLE_GRAPHS_H_
