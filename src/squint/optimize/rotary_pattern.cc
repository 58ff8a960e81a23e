#include "squint/optimize/rotary_pattern.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "squint/optimize/editor.h"

namespace squint {
namespace {

// One of the two parts of the last axis of `x`.
struct Part {
  ValueId x = kNoValue;
  bool second = false;       // x2
  bool interleaved = false;  // every other element
  NodeId node = kNoNode;

  bool IsPairOf(const Part& first) const {
    return second && !first.second && x == first.x &&
           interleaved == first.interleaved;
  }
};

class RotaryReader {
 public:
  explicit RotaryReader(Editor& editor) : editor_(editor) {}

  // x * cos + turned(x) * sin.
  std::optional<RotaryMatch> ReadSum(NodeId id) {
    const Node& sum = NodeOf(id);
    if (!sum.Is("Add")) return std::nullopt;
    for (const size_t plain : {size_t{0}, size_t{1}}) {
      RotaryMatch match;
      match.output = sum.output();
      match.nodes = {id};
      if (ReadTurnedProduct(sum.input(1 - plain), match) &&
          ReadPlainProduct(sum.input(plain), match)) {
        return match;
      }
    }
    return std::nullopt;
  }

  // (x1 cos - x2 sin, x2 cos + x1 sin), joined.
  std::optional<RotaryMatch> ReadJoined(NodeId id) {
    RotaryMatch match;
    match.output = NodeOf(id).output();
    match.half_tables = true;
    const auto halves = ReadJoin(match.output, match);
    if (!halves || !ReadRotated(halves->at(0), halves->at(1), match) ||
        LastSize(match.output) != LastSize(match.x)) {
      return std::nullopt;
    }
    return match;
  }

 private:
  const Node& NodeOf(NodeId id) const { return editor_.graph().node(id); }

  // The node of this type that makes `value` for one reader alone; it then
  // belongs to the match.
  const Node* Take(ValueId value, std::string_view type, RotaryMatch& match) {
    if (!editor_.Makes(value, type) ||
        (value != match.output && editor_.SoleReader(value) == kNoNode)) {
      return nullptr;
    }
    match.nodes.push_back(editor_.Producer(value));
    return &NodeOf(editor_.Producer(value));
  }

  bool IsLastAxis(int64_t axis, ValueId value) const {
    return axis == -1 || axis + 1 == editor_.Rank(value);
  }

  std::optional<int64_t> LastSize(ValueId value) const {
    const Shape& shape = editor_.graph().value(value).shape;
    if (!shape.has_rank() || shape.rank() == 0) return std::nullopt;
    return shape[shape.rank() - 1].value();
  }

  std::optional<int64_t> Integer(const Node& node, size_t input) const {
    const Tensor* constant = editor_.Constant(node, input);
    if (constant == nullptr || constant->size() != 1 ||
        !IsInteger(constant->dtype())) {
      return std::nullopt;
    }
    return constant->ToInts()[0];
  }

  std::optional<Part> ReadSlice(const Node& node, NodeId id) const {
    const ValueId x = node.input(0);
    const auto size = LastSize(x);
    const auto start = Integer(node, 1);
    const auto end = Integer(node, 2);
    const auto axis = Integer(node, 3);
    const auto step = node.has_input(4) ? Integer(node, 4) : 1;
    if (!size || *size % 2 != 0 || !start || !end || !axis || !step ||
        !IsLastAxis(*axis, x)) {
      return std::nullopt;
    }
    const int64_t first = *start < 0 ? *start + *size : *start;
    const int64_t last =
        *end < 0 ? *end + *size : std::min<int64_t>(*end, *size);
    const int64_t half = *size / 2;
    if (*step == 1 && first == 0 && last == half) {
      return Part{x, false, false, id};
    }
    if (*step == 1 && first == half && last == *size) {
      return Part{x, true, false, id};
    }
    if (*step == 2 && (first == 0 || first == 1) && last >= *size - 1 + first) {
      return Part{x, first == 1, true, id};
    }
    return std::nullopt;
  }

  std::optional<Part> ReadPart(ValueId value) const {
    const NodeId id = editor_.Producer(value);
    if (id == kNoNode) return std::nullopt;
    const Node& node = NodeOf(id);
    if (node.Is("Slice")) return ReadSlice(node, id);
    const auto size = LastSize(node.input(0));
    const auto half = LastSize(value);
    if (!node.Is("Split") || node.outputs.size() != 2 || !size || !half ||
        *size != 2 * *half || !IsLastAxis(node.Int("axis", 0), node.input(0))) {
      return std::nullopt;
    }
    return Part{node.input(0), value == node.output(1), false, id};
  }

  void AddPart(const Part& part, RotaryMatch& match) const {
    std::vector<NodeId>& nodes = match.nodes;
    if (std::find(nodes.begin(), nodes.end(), part.node) == nodes.end()) {
      nodes.push_back(part.node);
    }
  }

  // The two values that a Concat along the last axis joins, or that, with a
  // new last axis each and a Reshape, alternate in it.
  std::optional<std::array<ValueId, 2>> ReadJoin(ValueId value,
                                                 RotaryMatch& match) {
    const Node* reshape = Take(value, "Reshape", match);
    const bool alternate = reshape != nullptr;
    const ValueId joined = alternate ? reshape->input(0) : value;
    const Node* concat = Take(joined, "Concat", match);
    if (concat == nullptr || concat->inputs.size() != 2 ||
        !IsLastAxis(concat->Int("axis", 0), joined)) {
      return std::nullopt;
    }
    std::array<ValueId, 2> halves = {concat->input(0), concat->input(1)};
    match.interleaved = alternate;
    for (ValueId& half : halves) {
      if (!alternate) break;
      const Node* unsqueeze = Take(half, "Unsqueeze", match);
      if (unsqueeze == nullptr) return std::nullopt;
      const auto axis = Integer(*unsqueeze, 1);
      if (!axis || !IsLastAxis(*axis, half)) return std::nullopt;
      half = unsqueeze->input(0);
    }
    return halves;
  }

  std::optional<ValueId> ReadNegative(ValueId value, RotaryMatch& match) {
    if (const Node* neg = Take(value, "Neg", match)) return neg->input(0);
    const Node* mul = Take(value, "Mul", match);
    if (mul == nullptr || editor_.Scalar(mul->input(1)) != -1.0) {
      return std::nullopt;
    }
    return mul->input(0);
  }

  // turned * sin: fills x and sin.
  bool ReadTurnedProduct(ValueId value, RotaryMatch& match) {
    const Node* mul = Take(value, "Mul", match);
    if (mul == nullptr) return false;
    for (const size_t turned : {size_t{0}, size_t{1}}) {
      RotaryMatch attempt = match;
      if (!ReadTurned(mul->input(turned), attempt)) continue;
      attempt.sin = mul->input(1 - turned);
      match = std::move(attempt);
      return true;
    }
    return false;
  }

  bool ReadTurned(ValueId value, RotaryMatch& match) {
    const auto halves = ReadJoin(value, match);
    if (!halves) return false;
    const auto positive = ReadNegative(halves->at(0), match);
    if (!positive) return false;
    const auto second = ReadPart(*positive);
    const auto first = ReadPart(halves->at(1));
    if (!first || !second || !second->IsPairOf(*first) ||
        first->interleaved != match.interleaved) {
      return false;
    }
    AddPart(*first, match);
    AddPart(*second, match);
    match.x = first->x;
    return true;
  }

  bool ReadPlainProduct(ValueId value, RotaryMatch& match) {
    const Node* mul = Take(value, "Mul", match);
    if (mul == nullptr) return false;
    for (const size_t x : {size_t{0}, size_t{1}}) {
      if (mul->input(x) != match.x) continue;
      match.cos = mul->input(1 - x);
      return true;
    }
    return false;
  }

  // part * table.
  struct Term {
    Part part;
    ValueId table = kNoValue;
  };
  std::optional<Term> ReadTerm(ValueId value, RotaryMatch& match) {
    const Node* mul = Take(value, "Mul", match);
    if (mul == nullptr) return std::nullopt;
    for (const size_t side : {size_t{0}, size_t{1}}) {
      const auto part = ReadPart(mul->input(side));
      if (!part) continue;
      AddPart(*part, match);
      return Term{*part, mul->input(1 - side)};
    }
    return std::nullopt;
  }

  bool ReadRotated(ValueId real, ValueId imaginary, RotaryMatch& match) {
    const Node* difference = Take(real, "Sub", match);
    const Node* sum = Take(imaginary, "Add", match);
    if (difference == nullptr || sum == nullptr) return false;
    const auto x1_cos = ReadTerm(difference->input(0), match);
    const auto x2_sin = ReadTerm(difference->input(1), match);
    auto x2_cos = ReadTerm(sum->input(0), match);
    auto x1_sin = ReadTerm(sum->input(1), match);
    if (!x1_cos || !x2_sin || !x2_cos || !x1_sin) return false;
    if (!x2_cos->part.second) std::swap(x2_cos, x1_sin);
    match.x = x1_cos->part.x;
    match.cos = x1_cos->table;
    match.sin = x2_sin->table;
    return x2_sin->part.IsPairOf(x1_cos->part) &&
           x2_cos->part.IsPairOf(x1_sin->part) && x2_cos->part.x == match.x &&
           x2_cos->table == match.cos && x1_sin->table == match.sin &&
           x1_cos->part.interleaved == match.interleaved;
  }

  Editor& editor_;
};

}  // namespace

std::vector<RotaryMatch> FindRotaryEmbeddings(const Graph& graph) {
  Graph copy = graph;  // the editor's; nothing is edited
  Editor editor(copy);
  RotaryReader reader(editor);
  std::vector<RotaryMatch> matches;
  for (const NodeId id : graph.order()) {
    auto match = reader.ReadSum(id);
    if (!match) match = reader.ReadJoined(id);
    if (!match) continue;
    match->nodes = InOrder(graph, match->nodes);
    matches.push_back(std::move(*match));
  }
  return matches;
}

}  // namespace squint
