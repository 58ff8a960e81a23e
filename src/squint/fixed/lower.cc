#include "squint/fixed/lower.h"

#include <algorithm>
#include <numeric>

#include "squint/ops/op.h"
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
  return LowerToIntegers(graph, {.fuse_additions = false});
}

}  // namespace squint
