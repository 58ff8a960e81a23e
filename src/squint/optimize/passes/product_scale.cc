// The number that scales a product of activations (attention's 1 / sqrt(d))
// goes into the weights of a layer that makes one of the factors: a scale of
// everything passes through MatMul, moves of data and added constants.
#include <array>
#include <optional>
#include <vector>

#include "squint/optimize/linear.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

constexpr int kMaxDepth = 16;

bool MovesData(const Node& node) {
  constexpr std::array kTypes = {"Reshape",   "Transpose", "Squeeze",
                                 "Unsqueeze", "Flatten",   "Slice"};
  for (const char* type : kTypes) {
    if (node.Is(type)) return true;
  }
  return false;
}

// The way from a scaled value up to the layer that takes the scale.
struct Way {
  std::vector<NodeId> adds;  // of constants, which are scaled too
  std::optional<Linear> layer;
};

bool FindLayer(Editor& editor, ValueId value, int depth, Way& way) {
  const NodeId id = editor.Producer(value);
  if (id == kNoNode || depth > kMaxDepth || !editor.IsFloat32(value) ||
      editor.SoleReader(value) == kNoNode) {
    return false;
  }
  const Node& node = editor.graph().node(id);
  if (editor.IsQuantized(node) || node.outputs.size() != 1) return false;
  way.layer = ReadLinear(editor, id);
  if (way.layer) return true;
  if (MovesData(node)) return FindLayer(editor, node.input(0), depth + 1, way);
  if (node.Is("MatMul")) {
    return FindLayer(editor, node.input(0), depth + 1, way) ||
           FindLayer(editor, node.input(1), depth + 1, way);
  }
  if (!node.Is("Add") || !ReadAffine(editor, id)) return false;
  const size_t data = editor.Constant(node, 0) == nullptr ? 0 : 1;
  way.adds.push_back(id);
  if (FindLayer(editor, node.input(data), depth + 1, way)) return true;
  way.adds.pop_back();
  return false;
}

void ScaleAddend(Editor& editor, NodeId add, double scale) {
  const Node& node = editor.graph().node(add);
  const size_t index = editor.Constant(node, 0) == nullptr ? 1 : 0;
  const Tensor& constant = *editor.Constant(node, index);
  std::vector<float> values = constant.ToFloats();
  for (float& x : values) {
    x = static_cast<float>(static_cast<double>(x) * scale);
  }
  editor.SetConstant(add, index, Tensor::Of<float>(constant.dims(), values));
}

bool MoveScale(Editor& editor, NodeId id, PassContext& pass) {
  const std::optional<Affine> map = ReadAffine(editor, id);
  if (!map || map->channels() != 1 || map->has_shift() || !map->has_scale() ||
      !editor.Makes(map->data, "MatMul")) {
    return false;
  }
  Way way;
  if (!FindLayer(editor, map->data, 0, way) ||
      !FoldAfter(editor, *way.layer, *map)) {
    return false;
  }
  for (const NodeId add : way.adds) ScaleAddend(editor, add, map->scale[0]);
  pass.Say("{} into {}", editor.Name(id), editor.Name(way.layer->node));
  editor.TakeOutput(editor.Producer(map->data), id);
  return true;
}

int RunProductScale(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    if (!graph.node(id).removed) MoveScale(editor, id, pass);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kProductScalePass = {
    .name = "product-scale",
    .summary = "the scale of a product of activations goes into weights",
    .run = RunProductScale,
};

}  // namespace squint
