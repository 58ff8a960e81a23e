// What stands on integers between Q and DQ moves behind the DQ: data movement,
// and Brevitas' Clip, whose bounds become reals. Dequantizing commutes with
// both, and quantizing again what was dequantized gives the same integers.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "squint/interchange/absorb.h"
#include "squint/interchange/layout.h"
#include "squint/interchange/qdq.h"

namespace squint {
namespace {

// The parameters of integers: as their Q or their DQs say.
std::optional<QuantParams> ParamsOfIntegers(const Graph& graph, ValueId made,
                                            ValueId moved, const UseMap& uses) {
  const NodeId producer = graph.value(made).producer;
  if (producer != kNoNode) {
    auto params = ParamsOfNode(graph, graph.node(producer));
    if (params && graph.node(producer).Is("QuantizeLinear")) return params;
  }
  for (const Use& use : uses.of(moved)) {
    if (use.node == kNoNode || use.index != 0) continue;
    const Node& reader = graph.node(use.node);
    if (reader.Is("DequantizeLinear")) return ParamsOfNode(graph, reader);
  }
  return std::nullopt;
}

// q -> M -> m becomes q -> DQ -> M -> Q -> m.
void MoveNumbers(Layout& layout, NodeId id, const QuantParams& params) {
  Graph& graph = layout.graph;
  const ValueId integers = graph.node(id).input(0);
  const ValueId moved = graph.node(id).output();
  const std::string name = graph.value(moved).name;
  const ValueId in =
      graph.AddValue(graph.value(integers).name + "_dequantized",
                     params.real_dtype, graph.value(integers).shape);
  InsertDequantize(layout, integers, in, params, id);
  graph.ReplaceInput(id, 0, in);
  const ValueId out = graph.AddValue(name + "_real", params.real_dtype,
                                     graph.value(moved).shape);
  const UseMap uses(graph);
  const NodeId place = PlaceBehind(graph, moved, uses);
  graph.SetProducer(out, id, 0);
  InsertQuantize(layout, out, moved, params, place);
}

// Computed integers that Q of a float32 can have made.
bool TakesIntegers(const Graph& graph, const Node& node) {
  if (!node.has_input(0) || node.output() == kNoValue) return false;
  const Value& data = graph.value(node.input(0));
  return IsInteger(data.dtype) && BitsOf(data.dtype) <= 8 &&
         !data.is_constant() && !data.quant;
}

// ---- Clip

struct Bounds {
  int64_t low = 0;
  int64_t high = 0;
};

// Of a Clip on integers with fixed bounds.
std::optional<Bounds> BoundsOf(const Graph& graph, const Node& node) {
  const DType dtype = graph.value(node.input(0)).dtype;
  if (!node.Is("Clip") || !IsInteger(dtype) || BitsOf(dtype) > 8) {
    return std::nullopt;
  }
  Bounds bounds = {IntegerMin(dtype), IntegerMax(dtype)};
  for (const size_t i : {size_t{1}, size_t{2}}) {
    if (!node.has_input(i)) continue;
    if (!IsFixed(graph, node.input(i))) return std::nullopt;
    const Tensor& bound = graph.value(node.input(i)).constant;
    if (bound.size() != 1 || bound.dtype() != dtype) return std::nullopt;
    (i == 1 ? bounds.low : bounds.high) = bound.ToInts()[0];
  }
  if (bounds.low > bounds.high) return std::nullopt;
  return bounds;
}

// Clip of a constant: clipped here.
void FoldClip(Graph& graph, NodeId id, const Bounds& bounds) {
  const Tensor stored =
      graph.value(graph.node(id).input(0)).constant.Materialize();
  Tensor clipped = stored.Clone();
  for (int64_t i = 0; i < stored.size(); ++i) {
    const int64_t q = ReadPacked(stored.raw(), stored.dtype(), i);
    WritePacked(clipped.mutable_raw(), stored.dtype(), i,
                static_cast<int>(std::clamp(q, bounds.low, bounds.high)));
  }
  const ValueId output = graph.node(id).output();
  graph.RemoveNode(id);
  Value& value = graph.value(output);
  value.dtype = clipped.dtype();
  value.shape = Shape::Of(clipped.dims());
  value.constant = std::move(clipped);
}

// Q(DQ(q)) around the Clip, which then has real bounds; one that clips
// nothing goes.
void ClipNumbers(Layout& layout, NodeId id, const Bounds& bounds,
                 const QuantParams& params) {
  Graph& graph = layout.graph;
  const ValueId integers = graph.node(id).input(0);
  const DType dtype = graph.value(integers).dtype;
  if (bounds.low == IntegerMin(dtype) && bounds.high == IntegerMax(dtype)) {
    const ValueId output = graph.node(id).output();
    if (graph.IsOutput(output)) return;
    graph.RemoveNode(id);
    graph.ReplaceUses(output, integers);
    return;
  }
  const auto real = [&](int64_t bound) {
    return layout.Parameter(
        "bound", Tensor::Scalar(DequantizeValue(static_cast<int32_t>(bound),
                                                params.scale_at(),
                                                params.zero_point_at())));
  };
  MoveNumbers(layout, id, params);
  graph.node(id).inputs = {graph.node(id).input(0), real(bounds.low),
                           real(bounds.high)};
}

// The number type of the bounds is the values': float32 here.
bool IsPlain(const QuantParams& params) {
  return params.per_tensor() && params.real_dtype == DType::kFloat32;
}

}  // namespace

void FoldClipsOfConstants(Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.output() == kNoValue || !IsFixed(graph, node.input(0))) continue;
    if (const auto bounds = BoundsOf(graph, node)) FoldClip(graph, id, *bounds);
  }
}

void MoveBehindDequantize(Graph& graph) {
  Layout layout(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!TakesIntegers(graph, node)) continue;
    const auto bounds = BoundsOf(graph, node);
    if (!bounds && !IsMovement(node)) continue;
    const UseMap uses(graph);
    const auto params =
        ParamsOfIntegers(graph, node.input(0), node.output(), uses);
    if (!params || params->dtype != graph.value(node.input(0)).dtype ||
        !IsPlain(*params)) {
      continue;
    }
    if (bounds) {
      ClipNumbers(layout, id, *bounds, *params);
    } else {
      MoveNumbers(layout, id, *params);
    }
  }
}

}  // namespace squint
