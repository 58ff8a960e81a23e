#include "squint/optimize/formula.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "squint/ops/op.h"

namespace squint {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void Append(std::vector<NodeId>& nodes, const std::vector<NodeId>& more) {
  nodes.insert(nodes.end(), more.begin(), more.end());
}

// The float32 node of the default domain that makes `value`.
NodeId FloatProducer(const Editor& editor, ValueId value) {
  const NodeId id = editor.Producer(value);
  if (id == kNoNode || !editor.IsFloat32(value)) return kNoNode;
  const Node& node = editor.graph().node(id);
  return node.domain.empty() && !editor.IsQuantized(node) ? id : kNoNode;
}

// An affine node of one scale and one shift.
std::optional<Affine> ReadUniform(const Editor& editor, NodeId id) {
  std::optional<Affine> affine = ReadAffine(editor, id);
  if (!affine || affine->channels() != 1) return std::nullopt;
  return affine;
}

void Expand(Editor& editor, ValueId value, bool is_root, Product& product) {
  const NodeId id = FloatProducer(editor, value);
  const bool ours =
      id != kNoNode && (is_root || editor.SoleReader(value) != kNoNode);
  if (!ours) return product.operands.push_back(value);
  const Node& node = editor.graph().node(id);
  if (const auto affine = ReadUniform(editor, id);
      affine && !affine->has_shift()) {
    product.factor *= affine->scale[0];
    product.nodes.push_back(id);
    return Expand(editor, affine->data, false, product);
  }
  const double power =
      node.Is("Pow") ? editor.Scalar(node.input(1)).value_or(0.0) : 0.0;
  if (power == 2.0 || power == 3.0) {
    product.nodes.push_back(id);
    product.operands.insert(product.operands.end(), static_cast<size_t>(power),
                            node.input(0));
  } else if (node.Is("Mul") && editor.Constant(node, 0) == nullptr &&
             editor.Constant(node, 1) == nullptr) {
    product.nodes.push_back(id);
    const ValueId a = node.input(0);
    const ValueId b = node.input(1);
    Expand(editor, a, false, product);
    Expand(editor, b, false, product);
  } else {
    product.operands.push_back(value);
  }
}

struct Clamp {
  ValueId data = kNoValue;
  double low = -kInfinity;
  double high = kInfinity;
};

// Min and Max with one number.
std::optional<Clamp> ReadMinMax(const Editor& editor, const Node& node) {
  if (node.inputs.size() != 2) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const auto number = editor.Scalar(node.input(i));
    if (!number || editor.Constant(node.input(1 - i))) continue;
    Clamp clamp;
    clamp.data = node.input(1 - i);
    // A number of higher rank would change the shape.
    if (editor.Rank(node.input(i)) > std::max(editor.Rank(clamp.data), 0)) {
      return std::nullopt;
    }
    (node.Is("Min") ? clamp.high : clamp.low) = *number;
    return clamp;
  }
  return std::nullopt;
}

std::optional<Clamp> ReadClamp(const Editor& editor, ValueId value) {
  const NodeId id = FloatProducer(editor, value);
  if (id == kNoNode) return std::nullopt;
  const Node& node = editor.graph().node(id);
  if (node.Is("Relu")) return Clamp{node.input(0), 0.0, kInfinity};
  if (node.Is("Min") || node.Is("Max")) return ReadMinMax(editor, node);
  if (!node.Is("Clip")) return std::nullopt;
  Clamp clamp{node.input(0), -kInfinity, kInfinity};
  for (const size_t i : {size_t{1}, size_t{2}}) {
    if (!node.has_input(i)) continue;
    const auto bound = editor.Scalar(node.input(i));
    if (!bound) return std::nullopt;
    (i == 1 ? clamp.low : clamp.high) = *bound;
  }
  if (!(clamp.low <= clamp.high)) return std::nullopt;
  return clamp;
}

bool IsOurs(Editor& editor, ValueId value) {
  return editor.SoleReader(value) != kNoNode;
}

// clamp(..., low, high) of what is below `value`, clamps in a row joined.
std::optional<ClampedLine> ReadClamps(Editor& editor, ValueId value) {
  const NodeId id = FloatProducer(editor, value);
  if (id != kNoNode && editor.graph().node(id).Is("HardSigmoid")) {
    const Node& node = editor.graph().node(id);
    const Line line{node.input(0),
                    static_cast<double>(node.Float("alpha", 0.2f)),
                    static_cast<double>(node.Float("beta", 0.5f)),
                    {id}};
    return ClampedLine{line, 0.0, 1.0};
  }
  ClampedLine result;
  result.low = -kInfinity;
  result.high = kInfinity;
  ValueId at = value;
  for (;;) {
    if (at != value && !IsOurs(editor, at)) break;
    const std::optional<Clamp> clamp = ReadClamp(editor, at);
    if (!clamp) break;
    // What is outside clamps what is inside.
    const double low = result.low;
    result.low = std::clamp(clamp->low, low, result.high);
    result.high = std::clamp(clamp->high, low, result.high);
    result.line.nodes.push_back(editor.Producer(at));
    at = clamp->data;
  }
  if (at == value) return std::nullopt;
  result.line.x = at;
  return result;
}

}  // namespace

Product ReadProduct(Editor& editor, ValueId value) {
  Product product;
  Expand(editor, value, true, product);
  return product;
}

Line ReadLine(Editor& editor, ValueId value) {
  Line line;
  line.x = value;
  while (line.x == value || IsOurs(editor, line.x)) {
    const NodeId id = FloatProducer(editor, line.x);
    const auto affine = id == kNoNode ? std::nullopt : ReadUniform(editor, id);
    if (!affine) break;
    line.offset += line.slope * affine->shift[0];
    line.slope *= affine->scale[0];
    line.nodes.push_back(id);
    line.x = affine->data;
  }
  return line;
}

std::optional<ClampedLine> ReadClampedLine(Editor& editor, ValueId value) {
  const Line outer = ReadLine(editor, value);
  if (outer.slope <= 0.0) return std::nullopt;
  if (outer.x != value && !IsOurs(editor, outer.x)) return std::nullopt;
  std::optional<ClampedLine> result = ReadClamps(editor, outer.x);
  if (!result) return std::nullopt;
  Line& line = result->line;
  if (IsOurs(editor, line.x)) {
    const Line inner = ReadLine(editor, line.x);
    line.offset += line.slope * inner.offset;
    line.slope *= inner.slope;
    line.x = inner.x;
    Append(line.nodes, inner.nodes);
  }
  line.slope *= outer.slope;
  line.offset = outer.slope * line.offset + outer.offset;
  result->low = outer.slope * result->low + outer.offset;
  result->high = outer.slope * result->high + outer.offset;
  Append(line.nodes, outer.nodes);
  return result;
}

bool Near(double a, double b) {
  return std::fabs(a - b) <= 1e-5 * std::max(1.0, std::fabs(b));
}

bool BecomeFunction(Editor& editor, NodeId last, std::string_view op_type,
                    ValueId x, const std::vector<NodeId>& nodes,
                    Attributes attributes) {
  if (FindOp(op_type) == nullptr) return false;
  for (const NodeId node : nodes) {
    if (node != last) editor.MergeNames(last, node);
  }
  editor.Become(last, op_type, {x}, std::move(attributes));
  return true;
}

}  // namespace squint
