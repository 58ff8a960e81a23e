#include "squint/fixed/lower.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <vector>

#include "squint/fixed/state_grids.h"
#include "squint/ops/infer.h"
#include "squint/ops/op.h"
#include "squint/ops/qlinear_operands.h"
#include "squint/runtime/byte_table.h"
#include "squint/runtime/integer_graph.h"

namespace squint {
namespace {

// Sizes of the axes behind batch and channels; empty where not known.
Dims SpatialSizes(const Shape& shape) {
  if (!shape.has_rank() || shape.rank() < 3) return {};
  Dims sizes;
  for (int axis = 2; axis < shape.rank(); ++axis) {
    const auto size = shape[axis].value();
    if (!size) return {};
    sizes.push_back(*size);
  }
  return sizes;
}

// The one window covers the image and nothing else.
bool IsWholePool(const Graph& graph, const Node& node) {
  const Dims sizes = SpatialSizes(graph.value(node.input(0)).shape);
  return node.Is("AveragePool") && !sizes.empty() &&
         node.Ints("kernel_shape") == sizes &&
         std::ranges::all_of(node.Ints("pads"),
                             [](int64_t p) { return p == 0; });
}

// The mean along all axes of the image, which stay with size 1.
bool IsWholeMean(const Graph& graph, const Node& node) {
  if (!node.Is("ReduceMean") || node.Int("keepdims", 1) == 0) return false;
  const Tensor* listed = graph.ConstantOf(node.input(1));
  const Shape& shape = graph.value(node.input(0)).shape;
  if (listed == nullptr || !shape.has_rank() || shape.rank() < 3) return false;
  std::vector<int64_t> axes = listed->ToInts();
  for (int64_t& axis : axes) axis = NormalizeAxis(axis, shape.rank());
  std::ranges::sort(axes);
  std::vector<int64_t> wanted(static_cast<size_t>(shape.rank() - 2));
  std::iota(wanted.begin(), wanted.end(), 2);
  return axes == wanted;
}

// A Requantize between real numbers changes nothing: what reads its result
// rounds it.
void DropIdentities(Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node node = graph.node(id);
    if (!node.Is("Requantize", "squint") || graph.value(node.input(0)).quant ||
        graph.value(node.output()).quant || graph.IsOutput(node.output())) {
      continue;
    }
    graph.RemoveNode(id);
    graph.ReplaceUses(node.output(), node.input(0));
  }
}

std::optional<QuantParams> ParamsOf(const Graph& graph, const Node& converter) {
  const Tensor* scale = graph.ConstantOf(converter.input(1));
  const Tensor* zero = graph.ConstantOf(converter.input(2));
  if (scale == nullptr || zero == nullptr || scale->size() != 1 ||
      zero->size() != 1 || !IsByteOrTwo(zero->dtype())) {
    return std::nullopt;
  }
  return PerTensor(zero->dtype(), scale->ToFloats()[0],
                   static_cast<int32_t>(zero->ToInts()[0]));
}

// The caller gives an input as integers on one grid, the first that is asked
// for; other grids are looked up from there.
void ReadOnOneGrid(Graph& graph, ValueId input) {
  ValueId first = kNoValue;
  std::optional<QuantParams> from;
  for (const NodeId id : graph.order()) {
    const Node node = graph.node(id);
    if (!node.Is("QuantizeLinear") || node.input(0) != input) continue;
    const auto to = ParamsOf(graph, node);
    if (!to) continue;
    if (!from) {
      first = node.output();
      from = to;
    } else if (*from == *to && !graph.IsOutput(node.output())) {
      graph.RemoveNode(id);
      graph.ReplaceUses(node.output(), first);
    } else {
      const Tensor table =
          QuantizeTensor(DequantizeTensor(AllNumbers(*from), *from), *to);
      Node& made = graph.node(id);
      made.op_type = "Lookup";
      made.domain = "squint";
      made.inputs = {first, kNoValue};
      made.inputs[1] =
          graph.AddConstant(graph.value(input).name + "_table", table);
      made.attributes.clear();
    }
  }
}

}  // namespace

Graph LowerToFixed(const Graph& quantized) {
  Graph graph = quantized;
  for (const NodeId id : graph.order()) {
    Node& node = graph.node(id);
    if (!IsWholePool(graph, node) && !IsWholeMean(graph, node)) continue;
    node.op_type = "GlobalAveragePool";
    node.inputs.resize(1);
    node.attributes.clear();
  }
  GiveStatesGrids(graph);
  Graph lowered =
      LowerToIntegers(graph, {.fuse = false, .sixteen_bits = true});
  DropIdentities(lowered);
  for (const ValueId id : std::vector<ValueId>(lowered.inputs())) {
    ReadOnOneGrid(lowered, id);
  }
  lowered.Compact();
  InferShapes(lowered);
  return lowered;
}

}  // namespace squint
