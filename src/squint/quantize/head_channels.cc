#include "squint/quantize/head_channels.h"

#include <algorithm>
#include <utility>

#include "squint/quantize/weight_layout.h"

namespace squint {
namespace {

constexpr int kMostSteps = 12;

std::optional<int64_t> DimOf(const Graph& graph, ValueId id, int axis) {
  const Shape& shape = graph.value(id).shape;
  if (!shape.has_rank()) return {};
  if (axis < 0) axis += shape.rank();
  if (axis < 0 || axis >= shape.rank()) return {};
  return shape[axis].value();
}

bool IsSingle(const Tensor* constant) {
  return constant != nullptr && constant->size() == 1;
}

// Of outputs, or of inputs if `reads`; -1: no layer that can be changed.
int64_t ChannelsOf(const Graph& graph, const UseMap& uses, const Node& node,
                   bool reads) {
  if (!node.Is("MatMul") && !node.Is("Gemm")) return -1;
  const Tensor* weight = graph.ConstantOf(node.input(1));
  if (weight == nullptr || weight->dtype() != DType::kFloat32 ||
      uses.of(node.input(1)).size() != 1) {
    return -1;
  }
  const auto layout = LayoutOf(node, *weight);
  if (!layout || layout->groups != 1 || layout->window != 1) return -1;
  return reads ? layout->inputs : layout->outputs;
}

// [..., heads * size] <-> [..., heads, size].
bool SplitsHeads(const Graph& graph, ValueId merged, ValueId apart,
                 int64_t size, int64_t& heads) {
  const Shape& from = graph.value(merged).shape;
  const Shape& to = graph.value(apart).shape;
  if (!from.has_rank() || !to.has_rank() || to.rank() != from.rank() + 1) {
    return false;
  }
  const auto number = DimOf(graph, apart, -2);
  if (!number || DimOf(graph, apart, -1) != size ||
      DimOf(graph, merged, -1) != *number * size) {
    return false;
  }
  heads = *number;
  return true;
}

class WayBack {
 public:
  WayBack(const Graph& graph, const UseMap& uses)
      : graph_(graph), uses_(uses) {}

  std::optional<HeadChannels> Find(ValueId value, int axis) {
    const auto size = DimOf(graph_, value, axis);
    if (!size) return {};
    found_.size = *size;
    axis_ = axis;
    for (int step = 0; step < kMostSteps; ++step) {
      const NodeId id = graph_.value(value).producer;
      if (id == kNoNode || uses_.of(value).size() != 1) return {};
      found_.between.push_back(value);
      const Node& node = graph_.node(id);
      const int64_t outputs = ChannelsOf(graph_, uses_, node, false);
      if (outputs >= 0) return AtLayer(id, outputs);
      const auto next = Pass(id, value);
      if (!next) return {};
      value = *next;
    }
    return {};
  }

 private:
  bool AtLastAxis(ValueId id) const {
    return graph_.value(id).shape.has_rank() &&
           axis_ + 1 == graph_.value(id).shape.rank();
  }

  std::optional<HeadChannels> AtLayer(NodeId id, int64_t outputs) {
    const Node& node = graph_.node(id);
    if (!AtLastAxis(node.output()) ||
        found_.first + found_.heads * found_.size > outputs) {
      return {};
    }
    if (node.has_input(2) && !TakeBias(id, 2)) return {};
    found_.layer = id;
    return std::move(found_);
  }

  bool TakeBias(NodeId id, size_t index) {
    const Tensor* bias = graph_.ConstantOf(graph_.node(id).input(index));
    if (bias == nullptr || bias->dtype() != DType::kFloat32 ||
        bias->rank() != 1 ||
        bias->size() < found_.first + found_.heads * found_.size) {
      return false;
    }
    found_.biases.push_back({id, index, found_.first});
    return true;
  }

  // The input of `id` that carries the channels of its result `value`.
  std::optional<ValueId> Pass(NodeId id, ValueId value) {
    const Node& node = graph_.node(id);
    if (node.Is("Transpose")) {
      const auto perm = node.Ints("perm");
      if (axis_ >= static_cast<int>(perm.size())) return {};
      axis_ = static_cast<int>(perm[static_cast<size_t>(axis_)]);
      return node.input(0);
    }
    if (node.Is("Reshape")) {
      if (!AtLastAxis(value) || found_.heads != 1 ||
          !SplitsHeads(graph_, node.input(0), value, found_.size,
                       found_.heads)) {
        return {};
      }
      --axis_;
      return node.input(0);
    }
    if (node.Is("Split")) return PassSplit(node, value);
    if (node.Is("Mul") || node.Is("Div")) {
      return IsSingle(graph_.ConstantOf(node.input(1)))
                 ? std::optional(node.input(0))
                 : std::nullopt;
    }
    if (node.Is("Add") && AtLastAxis(value)) {
      for (const size_t index : {size_t{0}, size_t{1}}) {
        if (TakeBias(id, index)) return node.input(1 - index);
      }
    }
    return {};
  }

  std::optional<ValueId> PassSplit(const Node& node, ValueId value) {
    const int64_t axis = node.Int("axis", 0);
    if (!AtLastAxis(value) || (axis != -1 && axis != axis_)) return {};
    for (const ValueId part : node.outputs) {
      if (part == value) return node.input(0);
      const auto size = DimOf(graph_, part, -1);
      if (!size) return {};
      found_.first += *size;
    }
    return {};
  }

  const Graph& graph_;
  const UseMap& uses_;
  HeadChannels found_;
  int axis_ = 0;
};

}  // namespace

std::optional<HeadChannels> MadeBy(const Graph& graph, const UseMap& uses,
                                   ValueId value, int axis) {
  return WayBack(graph, uses).Find(value, axis);
}

std::optional<HeadChannels> ReadBy(const Graph& graph, const UseMap& uses,
                                   ValueId value) {
  HeadChannels found;
  const auto size = DimOf(graph, value, -1);
  if (!size) return {};
  found.size = *size;
  int axis = graph.value(value).shape.rank() - 1;
  for (int step = 0; step < kMostSteps; ++step) {
    const NodeId id = uses.SoleReader(value);
    if (id == kNoNode) return {};
    found.between.push_back(value);
    const Node& node = graph.node(id);
    const bool at_last = axis + 1 == graph.value(value).shape.rank();
    const int64_t inputs = ChannelsOf(graph, uses, node, true);
    if (inputs >= 0) {
      if (!at_last || node.input(0) != value ||
          inputs != found.heads * found.size) {
        return {};
      }
      found.layer = id;
      return found;
    }
    if (node.Is("Transpose")) {
      const auto perm = node.Ints("perm");
      const auto at = std::ranges::find(perm, axis);
      if (at == perm.end()) return {};
      axis = static_cast<int>(at - perm.begin());
    } else if (!node.Is("Reshape") || !at_last || found.heads != 1 ||
               !SplitsHeads(graph, node.output(), value, found.size,
                            found.heads)) {
      return {};
    } else {
      --axis;
    }
    value = node.output();
  }
  return {};
}

}  // namespace squint
