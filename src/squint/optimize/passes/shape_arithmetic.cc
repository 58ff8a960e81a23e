// What exporters write to compute shapes at run time: integers that inference
// knows become constants, and a Reshape whose target is known apart from
// dimensions it copies (0) and one other (-1) gets a constant target. The
// Shape, Gather, Concat chains behind them are then dead.
#include <optional>
#include <vector>

#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

bool IsIndexType(DType dtype) {
  return dtype == DType::kInt64 || dtype == DType::kInt32;
}

// A computed value that is the same integers in every run.
bool MakeConstant(Editor& editor, NodeId id, PassContext& pass) {
  Graph& graph = editor.graph();
  const Node& node = graph.node(id);
  if (node.outputs.size() != 1 || node.output() == kNoValue ||
      graph.IsOutput(node.output()) || editor.IsQuantized(node)) {
    return false;
  }
  const auto content = pass.contents().find(node.output());
  if (content == pass.contents().end()) return false;
  Value& value = graph.value(node.output());
  const auto integers = Shape(content->second.elements).values();
  if (!integers || !IsIndexType(value.dtype)) return false;
  Dims dims;
  if (!content->second.scalar) {
    dims = {static_cast<int64_t>(integers->size())};
  }
  pass.Say("{} is {}", value.name, DimsToString(*integers));
  editor.Remove(id);
  value.constant = Tensor::Of<int64_t>(dims, *integers).CastTo(value.dtype);
  value.shape = Shape::Of(dims);
  return true;
}

// The target as Reshape's own notation, when at most one dimension is neither
// a number nor the input's dimension at the same place.
std::optional<std::vector<int64_t>> ReshapeTarget(const Shape& input,
                                                  const DimList& target,
                                                  bool allow_zero) {
  std::vector<int64_t> result;
  bool has_rest = false;
  for (size_t i = 0; i < target.size(); ++i) {
    const std::optional<int64_t> number = target[i].value();
    const bool copies = !allow_zero && input.has_rank() &&
                        static_cast<int>(i) < input.rank() &&
                        input[static_cast<int>(i)] == target[i];
    const bool rest = number ? *number == -1 : !copies;
    if (number && *number == 0 && allow_zero) return std::nullopt;
    if (rest && has_rest) return std::nullopt;
    has_rest = has_rest || rest;
    result.push_back(rest ? -1 : number ? *number : 0);
  }
  return result;
}

bool MakeTargetConstant(Editor& editor, NodeId id, PassContext& pass) {
  Graph& graph = editor.graph();
  const Node& node = graph.node(id);
  if (!node.Is("Reshape") || !node.has_input(1) ||
      graph.ConstantOf(node.input(1)) != nullptr) {
    return false;
  }
  const auto content = pass.contents().find(node.input(1));
  if (content == pass.contents().end() || content->second.scalar) return false;
  const auto target =
      ReshapeTarget(graph.value(node.input(0)).shape, content->second.elements,
                    node.Int("allowzero", 0) != 0);
  if (!target) return false;
  pass.Say("{} reshapes to {}", editor.Name(id), DimsToString(*target));
  const ValueId constant = editor.AddConstant(
      graph.value(node.input(1)).name,
      Tensor::Of<int64_t>({static_cast<int64_t>(target->size())}, *target));
  editor.SetInput(id, 1, constant);
  return true;
}

int RunShapeArithmetic(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    if (!MakeConstant(editor, id, pass)) MakeTargetConstant(editor, id, pass);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kShapeArithmeticPass = {
    .name = "shape-arithmetic",
    .summary = "shapes computed at run time become constants where known",
    .run = RunShapeArithmetic,
};

}  // namespace squint
