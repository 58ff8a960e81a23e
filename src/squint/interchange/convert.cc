#include "squint/interchange/convert.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "squint/interchange/qdq.h"
#include "squint/ops/qlinear_form.h"

namespace squint {
namespace {

// Signed and unsigned integers differ by the highest bit.
Tensor Flipped(const Tensor& integers, DType to) {
  const Tensor from = integers.Materialize();
  Tensor result(to, from.dims());
  const size_t size = BitsOf(to) / 8;
  for (size_t i = 0; i < from.bytes(); ++i) {
    const bool highest = i % size == size - 1;
    result.mutable_raw()[i] =
        from.raw()[i] ^ (highest ? std::byte{0x80} : std::byte{});
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

// The type of as many bits with or without a sign.
DType Counterpart(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
      return DType::kUint8;
    case DType::kUint8:
      return DType::kInt8;
    case DType::kUint16:
      return DType::kInt16;
    default:
      return DType::kUint16;
  }
}

bool IsCounterpart(const Value& value, DType to) {
  const DType from = Counterpart(to);
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
    if (!IsCounterpart(value, to)) continue;
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

}  // namespace

std::vector<std::string> ChangeActivations(Graph& graph, DType to) {
  CheckInternal(to == DType::kInt8 || to == DType::kUint8 ||
                    to == DType::kInt16 || to == DType::kUint16,
                "ChangeActivations: only between 8- or 16-bit types");
  std::vector<std::string> kept;
  ForEachGraph(graph, [&](Graph& each) { ChangeIn(each, to, kept); });
  return kept;
}

std::vector<std::string> MakeActivationsSigned(Graph& graph) {
  std::vector<std::string> kept = ChangeActivations(graph, DType::kInt8);
  for (std::string& wide : ChangeActivations(graph, DType::kInt16)) {
    kept.push_back(std::move(wide));
  }
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

}  // namespace squint
