// LayerNormalization over the last axis written out:
//   d = x - mean(x); y = d / sqrt(mean(d * d) + epsilon) [* gamma] [+ beta]
// with the square as Mul or Pow, the two means as ReduceMean with keepdims.
#include <cmath>

#include "squint/ops/op.h"
#include "squint/optimize/formula.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

// ReduceMean over the last axis that keeps its dimension: its input.
ValueId MeanOf(const Editor& editor, ValueId value) {
  if (!editor.Makes(value, "ReduceMean")) return kNoValue;
  const Node& node = editor.graph().node(editor.Producer(value));
  const int rank = editor.Rank(node.input(0));
  const Tensor* axes = editor.Constant(node, 1);
  if (rank < 1 || axes == nullptr || axes->size() != 1 ||
      node.Int("keepdims", 1) == 0 || editor.IsQuantized(node) ||
      NormalizeAxis(axes->ToInts()[0], rank) != rank - 1) {
    return kNoValue;
  }
  return node.input(0);
}

struct Normalized {
  ValueId x = kNoValue;
  double epsilon = 0.0;
};

// The x of d = x - mean(x).
ValueId Centred(const Editor& editor, ValueId d) {
  if (!editor.Makes(d, "Sub")) return kNoValue;
  const Node& node = editor.graph().node(editor.Producer(d));
  return MeanOf(editor, node.input(1)) == node.input(0) ? node.input(0)
                                                        : kNoValue;
}

// d is divided by sqrt(mean(d * d) + epsilon).
std::optional<Normalized> ReadNormalized(Editor& editor, ValueId d,
                                         ValueId deviation) {
  if (!editor.Makes(deviation, "Sqrt")) return std::nullopt;
  const Node& root = editor.graph().node(editor.Producer(deviation));
  const Line variance = ReadLine(editor, root.input(0));
  const ValueId square = MeanOf(editor, variance.x);
  if (square == kNoValue || variance.slope != 1.0) return std::nullopt;
  const Product product = ReadProduct(editor, square);
  if (product.factor != 1.0 || product.operands != std::vector<ValueId>{d, d}) {
    return std::nullopt;
  }
  const ValueId x = Centred(editor, d);
  if (x == kNoValue) return std::nullopt;
  return Normalized{x, variance.offset};
}

std::optional<Normalized> ReadQuotient(Editor& editor, ValueId value) {
  const NodeId id = editor.Producer(value);
  if (id == kNoNode || !editor.IsFloat32(value)) return std::nullopt;
  const Node& node = editor.graph().node(id);
  if (node.Is("Div")) {
    return ReadNormalized(editor, node.input(0), node.input(1));
  }
  if (!node.Is("Mul")) return std::nullopt;
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (!editor.Makes(node.input(i), "Reciprocal")) continue;
    const Node& inverse = editor.graph().node(editor.Producer(node.input(i)));
    return ReadNormalized(editor, node.input(1 - i), inverse.input(0));
  }
  return std::nullopt;
}

ValueId LastAxisConstant(Editor& editor, const std::string& name,
                         const std::vector<double>& values, int64_t size) {
  std::vector<float> numbers(static_cast<size_t>(size));
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<float>(values[values.size() == 1 ? 0 : i]);
  }
  return editor.AddConstant(name, Tensor::Of<float>({size}, numbers));
}

bool MakeLayerNorm(Editor& editor, NodeId last, PassContext& pass) {
  Graph& graph = editor.graph();
  const ValueId output = graph.node(last).output();
  if (output == kNoValue || editor.IsQuantized(graph.node(last))) return false;
  Affine map;
  map.data = output;
  if (auto chain = ReadAffineChain(editor, last);
      chain && editor.SoleReader(chain->data) != kNoNode) {
    map = std::move(*chain);
  }
  const auto normalized = ReadQuotient(editor, map.data);
  const int rank = editor.Rank(output);
  if (!normalized || rank < 1) return false;
  const auto size = graph.value(output).shape[rank - 1].value();
  if (!size || (map.channels() > 1 && map.axis != rank - 1)) return false;
  const std::string name = editor.Name(last);
  std::vector<ValueId> inputs = {
      normalized->x,
      LastAxisConstant(editor, name + "_gamma", map.scale, *size)};
  if (map.has_shift()) {
    inputs.push_back(
        LastAxisConstant(editor, name + "_beta", map.shift, *size));
  }
  for (const NodeId node : map.nodes) {
    if (node != last) editor.MergeNames(last, node);
  }
  if (editor.Producer(map.data) != last) {
    editor.MergeNames(last, editor.Producer(map.data));
  }
  pass.Say("{} is LayerNormalization", name);
  editor.Become(last, "LayerNormalization", inputs,
                {{"axis", int64_t{-1}},
                 {"epsilon", static_cast<float>(normalized->epsilon)}});
  return true;
}

int RunLayerNorm(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  if (FindOp("LayerNormalization") == nullptr) return 0;
  const std::vector<NodeId> order = graph.order();
  // Backwards: with gamma and beta before without.
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    MakeLayerNorm(editor, *it, pass);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kLayerNormPass = {
    .name = "layer-norm",
    .summary = "LayerNormalization written out becomes one node",
    .run = RunLayerNorm,
};

}  // namespace squint
