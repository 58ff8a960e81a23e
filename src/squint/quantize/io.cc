#include "squint/quantize/io.h"

#include "squint/tensor/quant_params.h"

namespace squint {
namespace {

// The same grid of real numbers, stored as `io`.
QuantParams StoredAs(const QuantParams& params, DType io) {
  const auto shift =
      static_cast<int32_t>(IntegerMin(io) - IntegerMin(params.dtype));
  return PerTensor(io, params.scale_at(), params.zero_point_at() + shift);
}

bool IsWanted(const Value& value) {
  return value.dtype == DType::kFloat32 && value.quant &&
         value.quant->kind == QuantKind::kStatic && value.quant->per_tensor() &&
         BitsOf(value.quant->dtype) == 8;
}

// A node between the integers and the real value, and the integers' name.
Node MakeNode(Graph& graph, std::string_view type, ValueId from, ValueId to,
              const QuantParams& params, const std::string& name) {
  graph.metadata["squint.io." + name] = fmt::format(
      "scale={} zero_point={}", params.scale_at(), params.zero_point_at());
  Node node;
  node.op_type = type;
  node.name = fmt::format("{}_{}", name, type);
  node.inputs = {from, graph.AddConstant(name + "_scale", params.scale),
                 graph.AddConstant(name + "_zero_point", params.zero_point)};
  node.outputs = {to};
  return node;
}

// A value of type `io` that takes the name of the real one.
ValueId TakeName(Graph& graph, ValueId real, DType io) {
  const std::string name = graph.value(real).name;
  graph.Rename(real, graph.UniqueName(name + "_real"));
  const ValueId stored = graph.AddValue(name, io, graph.value(real).shape);
  graph.value(stored).user_name = graph.value(real).user_name;
  return stored;
}

}  // namespace

void QuantizeInputsAndOutputs(Graph& graph, DType io) {
  // What is both input and output keeps its name and type.
  const auto is_both = [&graph](ValueId id) {
    return graph.IsInput(id) && graph.IsOutput(id);
  };
  std::vector<ValueId> inputs = graph.inputs();
  const std::vector<NodeId> order = graph.order();
  for (ValueId& id : inputs) {
    if (!IsWanted(graph.value(id)) || order.empty() || is_both(id)) continue;
    const QuantParams params = StoredAs(*graph.value(id).quant, io);
    const ValueId stored = TakeName(graph, id, io);
    graph.InsertBefore(order.front(),
                       MakeNode(graph, "DequantizeLinear", stored, id, params,
                                graph.value(stored).name));
    id = stored;
  }
  graph.SetInputs(inputs);
  std::vector<ValueId> outputs = graph.outputs();
  for (ValueId& id : outputs) {
    if (!IsWanted(graph.value(id)) || graph.IsInput(id)) continue;
    const QuantParams params = StoredAs(*graph.value(id).quant, io);
    const ValueId stored = TakeName(graph, id, io);
    graph.AddNode(MakeNode(graph, "QuantizeLinear", id, stored, params,
                           graph.value(stored).name));
    id = stored;
  }
  graph.SetOutputs(outputs);
}

}  // namespace squint
