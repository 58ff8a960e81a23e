#include "squint/fixed/state_grids.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "squint/ops/recurrent_steps.h"

namespace squint {
namespace {

bool Moves(const Node& node) {
  constexpr std::array<std::string_view, 9> kMovement = {
      "Concat", "Flatten", "Gather",    "Identity", "Reshape",
      "Slice",  "Squeeze", "Unsqueeze", "Transpose"};
  return node.domain.empty() && node.outputs.size() == 1 &&
         std::ranges::find(kMovement, node.op_type) != kMovement.end();
}

bool IsReal(const Value& value) {
  return value.dtype == DType::kFloat32 && !value.quant;
}

// Inputs of a node that moves elements: those whose elements move.
size_t DataInputs(const Node& node) {
  return node.Is("Concat") ? node.inputs.size() : 1;
}

void MarkInput(Graph& graph, NodeId reader, size_t input,
               const QuantParams& grid);

// The value, and what it is made of.
void MarkBack(Graph& graph, ValueId id, const QuantParams& grid) {
  if (!IsReal(graph.value(id))) return;
  graph.value(id).quant = grid;
  const NodeId producer = graph.value(id).producer;
  if (producer == kNoNode || !Moves(graph.node(producer))) return;
  const size_t count = DataInputs(graph.node(producer));
  for (size_t i = 0; i < count; ++i) MarkInput(graph, producer, i, grid);
}

// A constant may have other readers: this one gets its own.
void MarkInput(Graph& graph, NodeId reader, size_t input,
               const QuantParams& grid) {
  const ValueId id = graph.node(reader).input(input);
  const Tensor* constant = graph.ConstantOf(id);
  if (constant == nullptr) return MarkBack(graph, id, grid);
  if (!IsReal(graph.value(id))) return;
  const ValueId own =
      graph.AddConstant(graph.value(id).name, QuantizeTensor(*constant, grid));
  graph.value(own).dtype = DType::kFloat32;
  graph.value(own).quant = grid;
  graph.ReplaceInput(reader, input, own);
}

// The grid on which a last state is seen behind what moves it: `own` where it
// leaves the network as real numbers. Nullopt where something else reads it, or
// on several grids.
std::optional<QuantParams> GridBehind(const Graph& graph, const UseMap& uses,
                                      ValueId id, const QuantParams& own) {
  const Value& value = graph.value(id);
  if (value.quant) return value.quant;
  std::optional<QuantParams> grid;
  if (graph.IsOutput(id)) grid = own;
  for (const Use& use : uses.of(id)) {
    if (use.node == kNoNode) continue;
    const Node& reader = graph.node(use.node);
    if (!Moves(reader)) return std::nullopt;
    const auto behind = GridBehind(graph, uses, reader.output(), own);
    if (!behind || (grid && !(*grid == *behind))) return std::nullopt;
    grid = behind;
  }
  return grid;
}

void MarkForward(Graph& graph, const UseMap& uses, ValueId id,
                 const QuantParams& grid) {
  if (!IsReal(graph.value(id))) return;
  graph.value(id).quant = grid;
  for (const Use& use : uses.of(id)) {
    if (use.node == kNoNode) continue;
    MarkForward(graph, uses, graph.node(use.node).output(), grid);
  }
}

}  // namespace

bool StartsAtZero(const Graph& graph, ValueId id) {
  const Tensor* constant = graph.ConstantOf(id);
  if (constant != nullptr) {
    return std::ranges::all_of(constant->ToFloats(),
                               [](float v) { return v == 0; });
  }
  const NodeId producer = graph.value(id).producer;
  return producer != kNoNode && graph.node(producer).Is("ConstantOfShape") &&
         graph.node(producer).FindAttribute("value") == nullptr;
}

void GiveStatesGrids(Graph& graph) {
  const QuantParams state = PerTensor(DType::kInt16, kStateStep, 0);
  const QuantParams cell = PerTensor(DType::kInt16, kCellStep, 0);
  const UseMap uses(graph);
  for (const NodeId id : graph.order()) {
    const Node node = graph.node(id);
    if (!IsSteps(node)) continue;
    const StepInputs& at = InputsOfSteps(node);
    for (const auto& [input, grid] : {std::pair(at.h, state), {at.c, cell}}) {
      if (node.has_input(input) && !StartsAtZero(graph, node.input(input))) {
        MarkInput(graph, id, input, grid);
      }
    }
    for (const auto& [output, grid] :
         {std::pair<size_t, QuantParams>(1, state), {2, cell}}) {
      const ValueId last = node.output(output);
      if (last == kNoValue || !IsReal(graph.value(last))) continue;
      if (const auto behind = GridBehind(graph, uses, last, grid)) {
        MarkForward(graph, uses, last, *behind);
      }
    }
  }
}

}  // namespace squint
