#include "squint/optimize/attention_mask.h"

#include <algorithm>
#include <initializer_list>
#include <vector>

namespace squint {
namespace {

constexpr int kMaxDepth = 16;
constexpr int64_t kMaxMask = int64_t{1} << 26;  // elements worth looking at
// What exporters write for "minus infinity" begins with -10000.
constexpr float kHiding = -9999.0f;

const Node* ProducerOf(const Editor& editor, ValueId value) {
  const NodeId id = editor.Producer(value);
  return id == kNoNode ? nullptr : &editor.graph().node(id);
}

bool Is(const Node& node, std::initializer_list<const char*> types) {
  return std::any_of(types.begin(), types.end(),
                     [&](const char* type) { return node.Is(type); });
}

// All elements of a constant, or of one spread out at run time, fulfil the
// test.
template <typename Test>
bool AllElements(const Editor& editor, ValueId value, const Test& test,
                 int depth = 0) {
  if (const Tensor* constant = editor.Constant(value)) {
    if (constant->size() == 0 || constant->size() > kMaxMask) return false;
    const std::vector<float> numbers = constant->ToFloats();
    return std::all_of(numbers.begin(), numbers.end(), test);
  }
  const Node* node = ProducerOf(editor, value);
  if (node == nullptr || depth > kMaxDepth) return false;
  if (node->Is("ConstantOfShape")) {
    const Attribute* attribute = node->FindAttribute("value");
    const Tensor* fill = attribute ? std::get_if<Tensor>(attribute) : nullptr;
    return test(fill == nullptr ? 0.0f : fill->ToFloats().at(0));
  }
  return Is(*node, {"Expand", "Cast", "Identity", "Unsqueeze"}) &&
         AllElements(editor, node->input(0), test, depth + 1);
}

bool Hides(const Editor& editor, ValueId value) {
  return AllElements(editor, value, [](float v) { return v <= kHiding; });
}

bool IsZero(const Editor& editor, ValueId value) {
  return AllElements(editor, value, [](float v) { return v == 0.0f; });
}

// What an element of a mask says of its score.
enum class Sight : uint8_t { kShown, kHidden, kNeither };

// Row i of the last two axes shows exactly the keys up to i + keys - rows.
template <typename Classify>
bool IsLowerTriangle(const Tensor& mask, const Classify& classify) {
  if (mask.rank() < 2 || mask.size() == 0 || mask.size() > kMaxMask) {
    return false;
  }
  const int64_t rows = mask.dim(mask.rank() - 2);
  const int64_t keys = mask.dim(mask.rank() - 1);
  if (rows < 2 || keys < rows) return false;
  const std::vector<float> values = mask.ToFloats();
  for (int64_t i = 0; i < mask.size(); ++i) {
    const int64_t row = i / keys % rows;
    const Sight wanted =
        i % keys <= row + keys - rows ? Sight::kShown : Sight::kHidden;
    if (classify(values[static_cast<size_t>(i)]) != wanted) return false;
  }
  return true;
}

// Slices that keep the triangle: keys from the first on, rows from the first
// on or from where the run says (the last ones of a longer sequence).
bool KeepsTriangle(const Editor& editor, const Node& slice) {
  const int rank = editor.Rank(slice.input(0));
  const Tensor* axes = editor.Constant(slice, 3);
  if (rank < 2 || axes == nullptr) return false;
  const Tensor* starts = editor.Constant(slice, 1);
  const Tensor* steps = editor.Constant(slice, 4);
  if (slice.has_input(4) && steps == nullptr) return false;
  const std::vector<int64_t> axis = axes->ToInts();
  for (size_t i = 0; i < axis.size(); ++i) {
    const int64_t at = axis[i] < 0 ? axis[i] + rank : axis[i];
    if (steps != nullptr && steps->ToInts().at(i) != 1) return false;
    if (at < rank - 2) continue;
    const bool from_first = starts != nullptr && starts->ToInts().at(i) == 0;
    const bool rows_from_run = at == rank - 2 && starts == nullptr;
    if (!from_first && !rows_from_run) return false;
  }
  return true;
}

// The lower part of what shows, diagonal included, or the upper part of what
// hides, diagonal excluded; the other part is zero.
template <typename Classify>
bool IsTriluTriangle(const Editor& editor, const Node& node,
                     const Classify& classify) {
  if (!node.Is("Trilu")) return false;
  const bool upper = node.Int("upper", 1) != 0;
  const Tensor* diagonal = editor.Constant(node, 1);
  if (node.has_input(1) && (diagonal == nullptr || diagonal->size() != 1)) {
    return false;
  }
  const int64_t first = diagonal ? diagonal->ToInts()[0] : 0;
  const Sight inside = upper ? Sight::kHidden : Sight::kShown;
  const Sight outside = upper ? Sight::kShown : Sight::kHidden;
  return first == (upper ? 1 : 0) && classify(0.0f) == outside &&
         AllElements(editor, node.input(0),
                     [&](float v) { return classify(v) == inside; });
}

bool KeepsMatrices(const Editor& editor, const Node& node) {
  const Graph& graph = editor.graph();
  return node.Is("Cast") || node.Is("Identity") || node.Is("Expand") ||
         (node.Is("Unsqueeze") &&
          SameMatrices(graph.value(node.input(0)).shape,
                       graph.value(node.output()).shape));
}

// Made of nothing but a lower triangle, in a constant or by a Trilu.
template <typename Classify>
bool IsCausal(const Editor& editor, ValueId value, const Classify& classify,
              int depth = 0) {
  if (const Tensor* constant = editor.Constant(value)) {
    return IsLowerTriangle(*constant, classify);
  }
  const Node* node = ProducerOf(editor, value);
  if (node == nullptr || depth > kMaxDepth) return false;
  if (IsTriluTriangle(editor, *node, classify)) return true;
  const bool passes = KeepsMatrices(editor, *node) ||
                      (node->Is("Slice") && KeepsTriangle(editor, *node));
  return passes && IsCausal(editor, node->input(0), classify, depth + 1);
}

// A bool that shows or hides, past negations of it.
AttentionMask ReadCondition(const Editor& editor, ValueId value, bool shows) {
  ValueId at = value;
  bool same = true;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const Node* node = ProducerOf(editor, at);
    if (node == nullptr) break;
    if (node->Is("Not")) {
      same = !same;
    } else if (node->Is("Equal") && IsZero(editor, node->input(1))) {
      same = !same;
    } else if (!Is(*node, {"Cast", "Identity"})) {
      break;
    }
    at = node->input(0);
  }
  const auto classify = [&](float v) {
    return (v != 0.0f) == (shows == same) ? Sight::kShown : Sight::kHidden;
  };
  if (IsCausal(editor, at, classify)) {
    return {value, AttentionMask::Kind::kCausal};
  }
  return {value,
          shows ? AttentionMask::Kind::kShown : AttentionMask::Kind::kHidden};
}

}  // namespace

bool SameMatrices(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank() || a.rank() < 2 || b.rank() < 2) {
    return false;
  }
  return a[a.rank() - 1] == b[b.rank() - 1] &&
         a[a.rank() - 2] == b[b.rank() - 2];
}

AttentionMask ReadAddedMask(const Editor& editor, ValueId added) {
  const auto classify = [](float v) {
    if (v == 0.0f) return Sight::kShown;
    return v <= kHiding ? Sight::kHidden : Sight::kNeither;
  };
  if (IsCausal(editor, added, classify)) {
    return {added, AttentionMask::Kind::kCausal};
  }
  const Node* node = ProducerOf(editor, added);
  if (node != nullptr && node->Is("Where")) {
    if (IsZero(editor, node->input(1)) && Hides(editor, node->input(2))) {
      return ReadCondition(editor, node->input(0), true);
    }
    if (Hides(editor, node->input(1)) && IsZero(editor, node->input(2))) {
      return ReadCondition(editor, node->input(0), false);
    }
  }
  return {added, AttentionMask::Kind::kAdded};
}

std::optional<ChosenScores> ReadChosenScores(const Editor& editor,
                                             const Node& node) {
  if (!node.Is("Where")) return std::nullopt;
  if (Hides(editor, node.input(2))) {
    return ChosenScores{node.input(1),
                        ReadCondition(editor, node.input(0), true)};
  }
  if (Hides(editor, node.input(1))) {
    return ChosenScores{node.input(2),
                        ReadCondition(editor, node.input(0), false)};
  }
  return std::nullopt;
}

}  // namespace squint
