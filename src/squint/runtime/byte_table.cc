#include "squint/runtime/byte_table.h"

#include <algorithm>
#include <array>
#include <cstring>
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

Tensor AllNumbers(const QuantParams& quant) {
  const auto size = static_cast<size_t>(BitsOf(quant.dtype) / 8);
  Tensor all(quant.dtype, {int64_t{1} << BitsOf(quant.dtype)});
  for (uint32_t i = 0; i < all.size(); ++i) {
    std::memcpy(all.mutable_raw() + i * size, &i, size);
  }
  return all;
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
    held[i] = static_cast<int>(i) == mapped ? AllNumbers(*value.quant)
                                            : value.constant.Materialize();
    context.inputs.push_back(&held[i]);
    context.input_quant.push_back(value.quant ? &*value.quant : nullptr);
  }
  context.output_quant = {&*graph.value(node.output()).quant};
  context.outputs.resize(1);
  FindOp(node.op_type, node.domain)->integer_reference(context);
  return context.outputs[0].Reshaped({context.outputs[0].size()});
}

bool MapsChannels(const Graph& graph, const Node& node) {
  if (!node.Is("BatchNormalization") || node.Int("training_mode", 0) != 0 ||
      node.inputs.size() != 5 || RankOf(graph, node.input(0)) < 2) {
    return false;
  }
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) return false;
  }
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const Value& value = graph.value(node.inputs[i]);
    if (!value.is_constant() || value.quant || value.constant.rank() != 1 ||
        value.constant.size() != graph.value(node.inputs[1]).constant.size()) {
      return false;
    }
  }
  return true;
}

namespace {

// The node on constants and `first` as input 0.
Tensor RunOn(const Graph& graph, const Node& node, const Tensor& first,
             bool on_integers) {
  std::vector<Tensor> held(node.inputs.size());
  RunContext context{node, {&first}, {}, {}, {}};
  const auto& from = graph.value(node.input(0)).quant;
  context.input_quant = {on_integers ? &*from : nullptr};
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const bool present = node.inputs[i] != kNoValue;
    if (present) held[i] = graph.value(node.inputs[i]).constant.Materialize();
    context.inputs.push_back(present ? &held[i] : nullptr);
    context.input_quant.push_back(nullptr);
  }
  const auto& quant = graph.value(node.output()).quant;
  context.output_quant = {on_integers ? &*quant : nullptr};
  context.outputs.resize(node.outputs.size());
  const OpDef& op = *FindOp(node.op_type, node.domain);
  (on_integers ? op.integer_reference : op.reference)(context);
  return std::move(context.outputs[0]);
}

}  // namespace

Tensor ChannelTables(const Graph& graph, const Node& node, const Node* after) {
  constexpr int64_t kEntries = 256;
  const QuantParams& from = *graph.value(node.input(0)).quant;
  const int64_t channels = graph.value(node.input(1)).constant.size();
  // Position b of every channel has the byte b.
  Tensor bytes(from.dtype, {1, channels, kEntries});
  for (int64_t i = 0; i < bytes.size(); ++i) {
    bytes.mutable_raw()[i] = static_cast<std::byte>(i % kEntries);
  }
  Tensor mapped;
  if (after == nullptr) {
    mapped = RunOn(graph, node, bytes, true);
  } else {
    const Tensor real =
        RunOn(graph, node, DequantizeTensor(bytes, from), false);
    mapped = QuantizeTensor(RunOn(graph, *after, real, false),
                            *graph.value(after->output()).quant);
  }
  return mapped.Reshaped({channels, kEntries});
}

}  // namespace squint
