#include "squint/interchange/absorb.h"

#include <optional>
#include <utility>
#include <vector>

#include "squint/interchange/qdq.h"
#include "squint/ops/op.h"

namespace squint {
namespace {

// A Gather of rank-preserving indices counts the table's axes from the end
// behind the gathered one.
std::optional<int> AxisInTable(int64_t axis, int rank, int gathered) {
  if (axis >= 0) {
    return axis < gathered ? std::optional<int>(static_cast<int>(axis))
                           : std::nullopt;
  }
  const int64_t counted = axis + rank;
  return counted > gathered ? std::optional<int>(static_cast<int>(counted))
                            : std::nullopt;
}

// The Gather with a fixed table whose result this is, else null.
const Node* GatherOf(const Graph& graph, ValueId id) {
  if (id == kNoValue || graph.value(id).producer == kNoNode) return nullptr;
  const Node& node = graph.node(graph.value(id).producer);
  const bool fits = node.Is("Gather") && IsFixed(graph, node.input(0)) &&
                    !graph.value(node.input(0)).quant;
  return fits ? &node : nullptr;
}

// What a DQ behind a Gather says about the table that is gathered from.
std::optional<QuantParams> TableParams(const Graph& graph, const Node& gather,
                                       const Node& dequantize) {
  auto params = ParamsOfNode(graph, dequantize);
  if (!params || params->block > 0) return std::nullopt;
  if (params->per_tensor()) return params;
  const int rank = graph.value(gather.input(0)).constant.rank();
  const int gathered = NormalizeAxis(gather.Int("axis", 0), rank);
  const auto axis = AxisInTable(dequantize.Int("axis", 1), rank, gathered);
  if (!axis) return std::nullopt;
  params->axis = *axis;
  return params;
}

// Scales [rows, 1], gathered with the same indices, in blocks of a row.
std::optional<QuantParams> RowParams(const Graph& graph, const Node& gather,
                                     const Node& dequantize) {
  const Node* scale = GatherOf(graph, dequantize.input(1));
  const Node* zero = GatherOf(graph, dequantize.input(2));
  if (scale == nullptr || zero == nullptr) return std::nullopt;
  const Tensor& table = graph.value(gather.input(0)).constant;
  for (const Node* node : {&gather, scale, zero}) {
    if (node->Int("axis", 0) != 0 || node->input(1) != gather.input(1)) {
      return std::nullopt;
    }
  }
  if (table.rank() != 2 || dequantize.Int("axis", 1) != -1 ||
      dequantize.Int("block_size", 0) != table.dim(1)) {
    return std::nullopt;
  }
  QuantParams params;
  params.dtype = table.dtype();
  const Dims rows = {table.dim(0)};
  params.scale = graph.value(scale->input(0)).constant;
  params.zero_point = graph.value(zero->input(0)).constant;
  if (params.scale.dims() != Dims{table.dim(0), 1} ||
      params.zero_point.dims() != params.scale.dims() ||
      params.zero_point.dtype() != table.dtype()) {
    return std::nullopt;
  }
  params.scale = params.scale.Reshaped(rows);
  params.zero_point = params.zero_point.Reshaped(rows);
  params.axis = 0;
  params.real_dtype = params.scale.dtype();
  return Normalized(std::move(params));
}

// A quantized constant with the bytes of `integers`: one that is there
// already (tied weights), or a new one.
ValueId TableValue(Graph& graph, ValueId integers, const QuantParams& params) {
  const Tensor stored = graph.value(integers).constant;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const Value& value = graph.value(id);
    if (value.is_constant() && value.quant &&
        value.constant.buffer() == stored.buffer() &&
        value.constant.dims() == stored.dims() && *value.quant == params) {
      return id;
    }
  }
  const ValueId id =
      graph.AddConstant(graph.value(integers).name + "_real", stored);
  graph.value(id).dtype = params.real_dtype;
  graph.value(id).quant = params;
  return id;
}

// Node `id` (a DQ or a GatherBlockQuantized) becomes the Gather.
void TurnIntoGather(Graph& graph, NodeId id, ValueId integers, ValueId indices,
                    int64_t axis, const QuantParams& params) {
  const ValueId table = TableValue(graph, integers, params);
  Node& node = graph.node(id);
  node.op_type = "Gather";
  node.domain = "";
  node.inputs = {table, indices};
  node.attributes.clear();
  node.Set("axis", axis);
  Value& result = graph.value(node.output());
  result.dtype = params.real_dtype;
  // The numbers gathered are on the table's grid.
  if (params.per_tensor() && BitsOf(params.dtype) <= 8) result.quant = params;
}

void AbsorbDequantizedGather(Graph& graph, NodeId id, const UseMap& uses) {
  const Node& dequantize = graph.node(id);
  const Node* gather = GatherOf(graph, dequantize.input(0));
  if (gather == nullptr || uses.of(gather->output()).size() != 1) return;
  auto params = TableParams(graph, *gather, dequantize);
  if (!params) params = RowParams(graph, *gather, dequantize);
  if (!params) return;
  TurnIntoGather(graph, id, gather->input(0), gather->input(1),
                 gather->Int("axis", 0), *params);
}

void AbsorbBlockGather(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!IsFixed(graph, node.input(0)) || !IsFixed(graph, node.input(2)) ||
      (node.has_input(3) && !IsFixed(graph, node.input(3)))) {
    return;
  }
  QuantParams params;
  const Tensor& table = graph.value(node.input(0)).constant;
  params.dtype = table.dtype();
  params.scale = graph.value(node.input(2)).constant;
  params.real_dtype = params.scale.dtype();
  if (node.has_input(3)) {
    params.zero_point = graph.value(node.input(3)).constant;
  }
  params.block = node.Int("block_size", 128);
  params.axis = NormalizeAxis(node.Int("quantize_axis", 1), table.rank());
  // Bytes with two numbers each are another layout; a missing zero point of
  // unsigned numbers is their middle.
  const bool is_plain = table.dtype() == DType::kInt4 ||
                        (table.dtype() == DType::kUint4 && node.has_input(3));
  if (!is_plain) return;
  TurnIntoGather(graph, id, node.input(0), node.input(1),
                 node.Int("gather_axis", 0), Normalized(std::move(params)));
}

// Gathers that nothing reads any more.
void RemoveUnread(Graph& graph, const std::vector<NodeId>& candidates) {
  const UseMap uses(graph);
  for (const NodeId id : candidates) {
    const Node& node = graph.node(id);
    if (!node.removed && uses.of(node.output()).empty()) graph.RemoveNode(id);
  }
}

}  // namespace

void AbsorbGathers(Graph& graph) {
  const UseMap uses(graph);
  std::vector<NodeId> gathers;
  for (const NodeId id : graph.order()) {
    if (graph.node(id).Is("Gather")) gathers.push_back(id);
    if (graph.node(id).Is("DequantizeLinear")) {
      AbsorbDequantizedGather(graph, id, uses);
    } else if (graph.node(id).Is("GatherBlockQuantized", "com.microsoft")) {
      AbsorbBlockGather(graph, id);
    }
  }
  RemoveUnread(graph, gathers);
}

}  // namespace squint
