#include "squint/interchange/convert.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "squint/interchange/qdq.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

// int8 and uint8 differ by the highest bit.
Tensor Flipped(const Tensor& integers, DType to) {
  const Tensor from = integers.Materialize();
  Tensor result(to, from.dims());
  for (int64_t i = 0; i < from.size(); ++i) {
    result.mutable_raw()[i] = from.raw()[i] ^ std::byte{0x80};
  }
  return result;
}

void Flip(Value& value, DType to) {
  QuantParams params = Normalized(*value.quant);
  params.dtype = to;
  params.zero_point = Flipped(params.zero_point, to);
  if (value.is_constant()) value.constant = Flipped(value.constant, to);
  value.quant = std::move(params);
}

bool IsOther8Bit(const Value& value, DType to) {
  const DType from = to == DType::kUint8 ? DType::kInt8 : DType::kUint8;
  return value.quant && value.quant->kind == QuantKind::kStatic &&
         value.quant->dtype == from && !value.quant->scale.empty();
}

// Where weights stand: their type is not that of activations.
bool IsWeightOf(const Node& node, size_t input) {
  constexpr std::array<std::string_view, 4> kWeighted = {
      "Conv", "ConvTranspose", "Gemm", "MatMul"};
  if (node.Is("Gather")) return input == 0;
  return node.domain.empty() && input == 1 &&
         std::find(kWeighted.begin(), kWeighted.end(), node.op_type) !=
             kWeighted.end();
}

// A Q or DQ that stays, or a node on integers: the value's numbers are tied
// to a type outside.
bool IsTied(const Graph& graph, ValueId id, const UseMap& uses) {
  const auto ties = [&](NodeId node_id) {
    return node_id != kNoNode && (graph.node(node_id).Is("QuantizeLinear") ||
                                  graph.node(node_id).Is("DequantizeLinear"));
  };
  const auto& readers = uses.of(id);
  return ties(graph.value(id).producer) ||
         std::any_of(readers.begin(), readers.end(),
                     [&](const Use& use) { return ties(use.node); });
}

bool IsWeight(const Graph& graph, ValueId id, const UseMap& uses) {
  const auto& readers = uses.of(id);
  return std::any_of(readers.begin(), readers.end(), [&](const Use& use) {
    return use.node != kNoNode &&
           IsWeightOf(graph.node(use.node), static_cast<size_t>(use.index));
  });
}

void ChangeIn(Graph& graph, DType to, std::vector<std::string>& kept) {
  const UseMap uses(graph);
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    Value& value = graph.value(id);
    if (!IsOther8Bit(value, to)) continue;
    if (value.is_constant() && IsWeight(graph, id, uses)) continue;
    if (IsTied(graph, id, uses)) {
      kept.push_back(fmt::format(
          "tensor '{}' keeps {}: its integers are read or made by a node",
          value.name, DTypeName(value.quant->dtype)));
      continue;
    }
    Flip(value, to);
  }
}

// ---- lower opsets

// Constant axes as the attribute that they were before opset 18.
void AxesToAttribute(Graph& graph, Node& node) {
  if (node.has_input(1)) {
    const Tensor* axes = graph.ConstantOf(node.input(1));
    if (axes == nullptr) return;
    node.Set("axes", axes->ToInts());
  }
  node.inputs.resize(1);
  node.attributes.erase("noop_with_empty_axes");
}

bool IsReduction(const Node& node) {
  return node.domain.empty() && node.op_type.starts_with("Reduce") &&
         node.op_type != "ReduceSum";
}

void Lower(Graph& graph, Node& node, int64_t opset) {
  if (opset < 18 && IsReduction(node) &&
      node.Int("noop_with_empty_axes", 0) == 0) {
    AxesToAttribute(graph, node);
  }
  // Equal parts, the last one smaller where they do not divide: before opset
  // 18 only the former could be said without sizes.
  if (opset < 18 && node.Is("Split") && node.has_input(1)) {
    node.attributes.erase("num_outputs");
  } else if (opset < 18 && node.Is("Split")) {
    const Shape& shape = graph.value(node.input(0)).shape;
    const auto parts = static_cast<int64_t>(node.outputs.size());
    if (!shape.has_rank()) return;
    int64_t axis = node.Int("axis", 0);
    axis += axis < 0 ? shape.rank() : 0;
    const auto size = shape[static_cast<int>(axis)].value();
    if (size && *size % parts == 0) node.attributes.erase("num_outputs");
  }
}

}  // namespace

std::vector<std::string> ChangeActivations(Graph& graph, DType to) {
  CheckInternal(to == DType::kInt8 || to == DType::kUint8,
                "ChangeActivations: only between 8-bit types");
  std::vector<std::string> kept;
  ForEachGraph(graph, [&](Graph& each) { ChangeIn(each, to, kept); });
  return kept;
}

void RequireQdq(const Graph& graph) {
  ForEachGraph(graph, [](const Graph& each) {
    for (const NodeId id : each.order()) {
      const Node& node = each.node(id);
      if (!QLinearFormOf(node)) continue;
      Fail(ErrorCode::kUnsupported,
           "{} cannot be written between QuantizeLinear and DequantizeLinear: "
           "its scales, zero points and bias must be initializers",
           NodeLabel(each, node));
    }
  });
}

void LowerNodes(Graph& graph, int64_t opset) {
  ForEachGraph(graph, [opset](Graph& each) {
    for (const NodeId id : each.order()) Lower(each, each.node(id), opset);
  });
}

}  // namespace squint
