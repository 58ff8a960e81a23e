#include "squint/fixed/program.h"

#include <algorithm>
#include <set>

#include "squint/base/error.h"
#include "squint/fixed/operation.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

bool Converts(const Node& node) {
  return node.Is("DequantizeLinear") || node.Is("QuantizeLinear");
}

std::vector<ValueId> IdsOf(const std::vector<FixedOperand>& operands) {
  std::vector<ValueId> ids;
  for (const FixedOperand& operand : operands) ids.push_back(operand.id);
  return ids;
}

FixedNode PlainNode(const Graph& graph, NodeId id, std::string reason) {
  const Node& node = graph.node(id);
  std::vector<ValueId> inputs = node.inputs;
  inputs.insert(inputs.end(), node.captures.begin(), node.captures.end());
  return {id, nullptr, std::move(reason), std::move(inputs), node.outputs};
}

FixedNode MakeRealNode(Graph& graph, NodeId id) {
  try {
    const FixedOperation operation = ReadRealOperation(graph, id);
    return {id, MakeRealStep(operation), "", IdsOf(operation.inputs),
            IdsOf(operation.outputs)};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) {
      throw error.In(NodeLabel(graph, graph.node(id)));
    }
    return PlainNode(graph, id, error.message());
  }
}

// `rounding`: nodes that became part of a step.
FixedNode MakeNode(const Graph& graph, const UseMap& uses, NodeId id,
                   std::set<NodeId>& rounding) {
  if (Converts(graph.node(id))) {
    return PlainNode(graph, id, "it converts real numbers");
  }
  try {
    const FixedOperation operation = ReadOperation(graph, uses, id);
    FixedNode made{id, MakeFixedStep(operation), "", IdsOf(operation.inputs),
                   IdsOf(operation.outputs)};
    rounding.insert(operation.rounding.begin(), operation.rounding.end());
    return made;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) {
      throw error.In(NodeLabel(graph, graph.node(id)));
    }
    return PlainNode(graph, id, error.message());
  }
}

void DropUnneeded(const Graph& graph, std::vector<FixedNode>& nodes) {
  std::set<ValueId> needed(graph.outputs().begin(), graph.outputs().end());
  std::vector<FixedNode> kept;
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    const bool wanted = std::ranges::any_of(it->outputs, [&](ValueId id) {
      return id != kNoValue && needed.contains(id);
    });
    if (!wanted) continue;
    needed.insert(it->inputs.begin(), it->inputs.end());
    kept.push_back(std::move(*it));
  }
  std::ranges::reverse(kept);
  nodes = std::move(kept);
}

}  // namespace

FixedProgram MakeFixedProgram(const Graph& lowered,
                              const std::vector<Dims>& input_dims,
                              const FixedOptions& options) {
  FixedProgram program{lowered, {}};
  Graph& graph = program.graph;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    if (!graph.value(id).is_constant()) graph.value(id).shape = Shape();
  }
  for (size_t i = 0; i < input_dims.size(); ++i) {
    graph.value(graph.inputs()[i]).shape = Shape::Of(input_dims[i]);
  }
  InferShapes(graph);
  const UseMap uses(graph);
  std::set<NodeId> rounding;
  for (const NodeId id : graph.order()) {
    program.nodes.push_back(MakeNode(graph, uses, id, rounding));
    FixedNode& made = program.nodes.back();
    if (!made.step && options.real_steps) made = MakeRealNode(graph, id);
  }
  std::erase_if(program.nodes, [&](const FixedNode& node) {
    return rounding.contains(node.id);
  });
  DropUnneeded(graph, program.nodes);
  return program;
}

}  // namespace squint
