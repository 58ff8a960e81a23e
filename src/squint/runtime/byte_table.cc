#include "squint/runtime/byte_table.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "squint/ops/op.h"
#include "squint/ops/prepare.h"

namespace squint {
namespace {

// Functions of one element beside those with a float kernel.
constexpr std::array<std::string_view, 9> kFunctions = {
    "Celu", "Clip", "Mish", "Relu", "Selu", "Sign", "Sin", "Cos", "Softsign",
};

bool Contains(std::span<const std::string_view> names, const Node& node) {
  return std::ranges::find(names, node.op_type) != names.end();
}

int RankOf(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  if (value.is_constant()) return value.constant.rank();
  return value.shape.has_rank() ? value.shape.rank() : -1;
}

bool OthersAreConstant(const Graph& graph, const Node& node, size_t mapped) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.input(i);
    if (i == mapped || id == kNoValue) continue;
    if (!graph.value(id).is_constant()) return false;
  }
  return true;
}

}  // namespace

Tensor AllBytes(const QuantParams& quant) {
  Tensor bytes(quant.dtype, {256});
  for (int64_t i = 0; i < 256; ++i) {
    bytes.mutable_raw()[i] = static_cast<std::byte>(i);
  }
  return bytes;
}

int MappedInput(const Graph& graph, const Node& node) {
  const OpDef* op = FindOp(node.op_type, node.domain);
  if (op == nullptr || op->integer_reference == nullptr ||
      node.outputs.size() != 1) {
    return -1;
  }
  if (op->prepare == PrepareUnary || node.Is("Requantize", "squint") ||
      (node.domain.empty() && Contains(kFunctions, node))) {
    return OthersAreConstant(graph, node, 0) ? 0 : -1;
  }
  if (op->prepare != PrepareBinary || node.inputs.size() != 2) return -1;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (!node.has_input(0) || !node.has_input(1)) return -1;
    const Value& other = graph.value(node.input(1 - i));
    if (other.is_constant() && other.constant.size() == 1 &&
        other.constant.rank() <= RankOf(graph, node.input(i))) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

Tensor TableOf(const Graph& graph, const Node& node, int mapped) {
  std::vector<Tensor> held(node.inputs.size());
  RunContext context{node, {}, {}, {}, {}};
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.input(i);
    if (id == kNoValue) {
      context.inputs.push_back(nullptr);
      context.input_quant.push_back(nullptr);
      continue;
    }
    const Value& value = graph.value(id);
    held[i] = static_cast<int>(i) == mapped ? AllBytes(*value.quant)
                                            : value.constant.Materialize();
    context.inputs.push_back(&held[i]);
    context.input_quant.push_back(value.quant ? &*value.quant : nullptr);
  }
  context.output_quant = {&*graph.value(node.output()).quant};
  context.outputs.resize(1);
  FindOp(node.op_type, node.domain)->integer_reference(context);
  return context.outputs[0].Reshaped({256});
}

}  // namespace squint
