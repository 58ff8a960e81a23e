// Nodes that hand their input on unchanged: Identity, Dropout at inference,
// Cast to the same type, moves that move nothing (Reshape, Transpose, Expand,
// Slice, Pad, Concat of one ...), Add 0, Mul 1, and chains of Reshape,
// Squeeze, Unsqueeze and Flatten that end in the shape they began with.
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

template <size_t N>
bool IsOneOf(const Node& node, const std::array<std::string_view, N>& types) {
  return node.domain.empty() &&
         std::find(types.begin(), types.end(), node.op_type) != types.end();
}

bool OnlyRenamesShape(const Node& node) {
  constexpr std::array<std::string_view, 4> kTypes = {"Reshape", "Squeeze",
                                                      "Unsqueeze", "Flatten"};
  return IsOneOf(node, kTypes);
}

bool SameShape(const Graph& graph, ValueId a, ValueId b) {
  return graph.value(a).shape == graph.value(b).shape;
}

bool SameType(const Graph& graph, ValueId a, ValueId b) {
  return graph.value(a).dtype != DType::kUndefined &&
         graph.value(a).dtype == graph.value(b).dtype;
}

// An absent input counts as `absent`.
bool AllAre(const Editor& editor, ValueId id, int64_t number, bool absent) {
  if (id == kNoValue) return absent;
  const Tensor* constant = editor.Constant(id);
  if (constant == nullptr || !IsInteger(constant->dtype())) return false;
  const std::vector<int64_t> values = constant->ToInts();
  return std::all_of(values.begin(), values.end(),
                     [=](int64_t x) { return x == number; });
}

bool AllAreReal(const Editor& editor, ValueId id, float number) {
  const Tensor* constant = editor.Constant(id);
  if (constant == nullptr || BitsOf(constant->dtype()) == 0 ||
      constant->dtype() == DType::kBool || constant->bytes() == 0) {
    return false;
  }
  const std::vector<float> values = constant->ToFloats();
  return std::all_of(values.begin(), values.end(),
                     [=](float x) { return x == number; });
}

bool IsTrainingDropout(const Editor& editor, const Node& node) {
  if (!node.has_input(2)) return false;
  const Tensor* training = editor.Constant(node, 2);
  return training == nullptr || training->ToInts()[0] != 0;
}

bool IsIdentityPermutation(const Node& node) {
  const std::vector<int64_t> perm = node.Ints("perm");
  for (size_t i = 0; i < perm.size(); ++i) {
    if (perm[i] != static_cast<int64_t>(i)) return false;
  }
  return !perm.empty();
}

// Add 0, Sub 0, Mul 1, Div 1, Pow 1: the input that passes through.
std::optional<ValueId> NeutralOperand(const Editor& editor, const Node& node) {
  const bool adds = node.Is("Add") || node.Is("Sub");
  const bool multiplies = node.Is("Mul") || node.Is("Div") || node.Is("Pow");
  if (!adds && !multiplies) return std::nullopt;
  const float neutral = adds ? 0.0f : 1.0f;
  if (AllAreReal(editor, node.input(1), neutral)) return node.input(0);
  const bool commutes = node.Is("Add") || node.Is("Mul");
  if (commutes && AllAreReal(editor, node.input(0), neutral)) {
    return node.input(1);
  }
  return std::nullopt;
}

// The target of a Reshape repeats the input's dimensions; one of them may be
// written as -1, because the number of elements stays. This needs no known
// size, where SameShape needs them all.
bool RepeatsShape(const Editor& editor, const Node& node) {
  const Shape& shape = editor.graph().value(node.input(0)).shape;
  if (!shape.has_rank()) return false;
  if (node.Is("Flatten")) {
    const int64_t axis = node.Int("axis", 1);
    return shape.rank() == 2 && (axis == 1 || axis == -1);
  }
  const Tensor* target =
      node.Is("Reshape") ? editor.Constant(node, 1) : nullptr;
  if (target == nullptr || target->size() != shape.rank()) return false;
  const std::vector<int64_t> numbers = target->ToInts();
  for (size_t i = 0; i < numbers.size(); ++i) {
    const bool copies = numbers[i] == 0 && node.Int("allowzero", 0) == 0;
    if (!copies && numbers[i] != -1 &&
        !shape[static_cast<int>(i)].is(numbers[i])) {
      return false;
    }
  }
  return true;
}

// Where a chain that only renames the shape began, if it is back there.
std::optional<ValueId> StartOfShapeChain(const Editor& editor,
                                         const Node& node) {
  const Graph& graph = editor.graph();
  ValueId id = node.input(0);
  if (RepeatsShape(editor, node)) return id;
  for (;;) {
    if (SameShape(graph, id, node.output())) return id;
    const NodeId producer = editor.Producer(id);
    if (producer == kNoNode || !OnlyRenamesShape(graph.node(producer))) {
      return std::nullopt;
    }
    id = graph.node(producer).input(0);
  }
}

// Moves that are nothing when the shape stays, or by their parameters.
bool MovesNothing(const Editor& editor, const Node& node) {
  constexpr std::array<std::string_view, 5> kVariadic = {"Concat", "Sum", "Max",
                                                         "Min", "Mean"};
  if (node.Is("Identity")) return true;
  if (node.Is("Dropout")) return !IsTrainingDropout(editor, node);
  if (IsOneOf(node, kVariadic)) return node.inputs.size() == 1;
  if (node.Is("Transpose")) return IsIdentityPermutation(node);
  if (node.Is("Pad")) return AllAre(editor, node.input(1), 0, false);
  if (node.Is("Tile")) return AllAre(editor, node.input(1), 1, false);
  const bool same = SameShape(editor.graph(), node.input(0), node.output());
  if (node.Is("Expand")) return same;
  if (node.Is("Slice")) return same && AllAre(editor, node.input(4), 1, true);
  // The types are compared by the caller.
  return node.Is("Cast");
}

std::optional<ValueId> PassedThrough(const Editor& editor, const Node& node) {
  // Operators that Squint does not know may leave anything out.
  const bool usual =
      node.domain.empty() && node.has_input(0) && node.output() != kNoValue;
  if (!usual) return std::nullopt;
  for (size_t i = 1; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) return std::nullopt;
  }
  if (OnlyRenamesShape(node)) return StartOfShapeChain(editor, node);
  if (const auto operand = NeutralOperand(editor, node)) {
    return SameShape(editor.graph(), *operand, node.output()) ? operand
                                                              : std::nullopt;
  }
  if (MovesNothing(editor, node)) return node.input(0);
  return std::nullopt;
}

int RunIdentity(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (editor.IsQuantized(node)) continue;
    const std::optional<ValueId> source = PassedThrough(editor, node);
    if (!source || *source == kNoValue || graph.value(*source).quant) continue;
    const bool same = SameType(graph, *source, node.output());
    if (!same && !node.Is("Identity")) continue;
    const std::string label = NodeLabel(graph, node);
    if (editor.Bypass(id, *source)) pass.Say("{}", label);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kIdentityPass = {
    .name = "identity",
    .summary = "nodes that hand their input on unchanged",
    .run = RunIdentity,
};

}  // namespace squint
