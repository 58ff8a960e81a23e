#include "squint/optimize/attention_pattern.h"

#include <algorithm>
#include <optional>
#include <utility>


namespace squint {
namespace {

constexpr int kMaxDepth = 12;  // of the arithmetic between product and softmax

class AttentionReader {
 public:
  explicit AttentionReader(Editor& editor) : editor_(editor) {}

  std::optional<AttentionMatch> Read(NodeId softmax) {
    const Node& node = NodeOf(softmax);
    const int rank = editor_.Rank(node.input(0));
    const int64_t axis = node.Int("axis", -1);
    if (axis != -1 && axis + 1 != rank) return std::nullopt;
    match_ = {};
    match_.nodes = {softmax};
    if (!ReadProbabilities(node.output()) || !ReadScores(node.input(0), 1, 0)) {
      return std::nullopt;
    }
    return match_;
  }

 private:
  const Node& NodeOf(NodeId id) const { return editor_.graph().node(id); }

  // A node that changes neither the numbers nor the last two axes.
  bool IsTransparent(const Node& node) const {
    if (node.Is("Cast") || node.Is("Identity")) return true;
    if (node.Is("Dropout")) return !node.has_input(2);  // does not train
    const Graph& graph = editor_.graph();
    return (node.Is("Reshape") || node.Is("Unsqueeze") || node.Is("Squeeze")) &&
           SameMatrices(graph.value(node.input(0)).shape,
                        graph.value(node.output()).shape);
  }

  // Where(IsNaN(p), 0, p): what p becomes. For rows that see nothing.
  std::optional<ValueId> PastNanGuard(ValueId p) {
    const std::vector<Use>& uses = editor_.UsesOf(p);
    if (uses.size() != 2) return std::nullopt;
    for (const Use& use : uses) {
      if (use.node == kNoNode || !NodeOf(use.node).Is("IsNaN")) continue;
      const NodeId choice = editor_.SoleReader(NodeOf(use.node).output());
      if (choice == kNoNode) return std::nullopt;
      const Node& where = NodeOf(choice);
      if (!where.Is("Where") || where.input(0) != NodeOf(use.node).output() ||
          where.input(2) != p || editor_.Scalar(where.input(1)) != 0.0) {
        return std::nullopt;
      }
      match_.nodes.insert(match_.nodes.end(), {use.node, choice});
      return where.output();
    }
    return std::nullopt;
  }

  // Down to the product with v.
  bool ReadProbabilities(ValueId p) {
    for (int depth = 0; depth < kMaxDepth; ++depth) {
      if (const auto guarded = PastNanGuard(p)) {
        p = *guarded;
        continue;
      }
      const NodeId reader = editor_.SoleReader(p);
      if (reader == kNoNode) return false;
      const Node& node = NodeOf(reader);
      match_.nodes.push_back(reader);
      if (node.Is("MatMul") && node.input(0) == p) {
        match_.v = node.input(1);
        match_.output = node.output();
        return true;
      }
      if (!IsTransparent(node) || node.input(0) != p) return false;
      p = node.output();
    }
    return false;
  }

  // Up to the product of q and k. `outer` is the factor read so far, of all
  // that is above; a mask there would be scaled, too, and is not understood.
  bool ReadScores(ValueId at, double outer, int depth) {
    const NodeId id = editor_.Producer(at);
    if (id == kNoNode || depth > kMaxDepth ||
        editor_.SoleReader(at) == kNoNode) {
      return false;
    }
    const Node& node = NodeOf(id);
    match_.nodes.push_back(id);
    if (node.Is("MatMul")) return ReadProduct(node, outer);
    if (IsTransparent(node)) {
      return ReadScores(node.input(0), outer, depth + 1);
    }
    if (const auto factor = ReadFactor(node)) {
      return ReadScores(factor->data, outer * factor->number, depth + 1);
    }
    if (node.Is("Tanh") && match_.softcap == 0.0 && outer > 0.0) {
      match_.softcap = outer;
      return ReadScores(node.input(0), 1.0, depth + 1);
    }
    const bool masks_fit = outer == 1.0 && match_.softcap == 0.0;
    return masks_fit && ReadMasked(node, depth);
  }

  bool ReadMasked(const Node& node, int depth) {
    if (const auto chosen = ReadChosenScores(editor_, node)) {
      match_.masks.push_back(chosen->mask);
      return ReadScores(chosen->scores, 1.0, depth + 1);
    }
    if (!node.Is("Add")) return false;
    for (const size_t scores : {size_t{0}, size_t{1}}) {
      const AttentionMatch before = match_;
      match_.masks.push_back(ReadAddedMask(editor_, node.input(1 - scores)));
      if (ReadScores(node.input(scores), 1.0, depth + 1)) return true;
      match_ = before;
    }
    return false;
  }

  struct Factor {
    ValueId data = kNoValue;
    double number = 1.0;
  };

  // Multiplied or divided by one number.
  std::optional<Factor> ReadFactor(const Node& node) const {
    const auto right = editor_.Scalar(node.input(1));
    if (node.Is("Div") && right && *right != 0.0) {
      return Factor{node.input(0), 1.0 / *right};
    }
    if (!node.Is("Mul")) return std::nullopt;
    if (right) return Factor{node.input(0), *right};
    const auto left = editor_.Scalar(node.input(0));
    return left ? std::optional(Factor{node.input(1), *left}) : std::nullopt;
  }

  // Factors of one side of the product go to the match's scale.
  ValueId PastFactors(ValueId side, double& scale) {
    while (editor_.SoleReader(side) != kNoNode) {
      const NodeId id = editor_.Producer(side);
      if (id == kNoNode) break;
      const auto factor = ReadFactor(NodeOf(id));
      if (!factor) break;
      scale *= factor->number;
      match_.nodes.push_back(id);
      side = factor->data;
    }
    return side;
  }

  bool SwapsLastTwo(const Node& node) const {
    if (!node.Is("Transpose")) return false;
    std::vector<int64_t> perm = node.Ints("perm");
    if (perm.size() < 2) return false;
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    for (size_t i = 0; i < perm.size(); ++i) {
      if (perm[i] != static_cast<int64_t>(i)) return false;
    }
    return true;
  }

  bool ReadProduct(const Node& node, double outer) {
    const ValueId left = node.input(0);
    const ValueId right = node.input(1);
    if (left == right || editor_.Constant(right) != nullptr) return false;
    double scale = outer;
    match_.q = PastFactors(left, scale);
    match_.k = PastFactors(right, scale);
    match_.k_transposed = true;
    const NodeId made = editor_.Producer(match_.k);
    if (made != kNoNode && editor_.SoleReader(match_.k) != kNoNode &&
        SwapsLastTwo(NodeOf(made))) {
      match_.nodes.push_back(made);
      match_.k = PastFactors(NodeOf(made).input(0), scale);
      match_.k_transposed = false;
    }
    // cap * tanh(inner): the product is divided by the cap before.
    match_.scale = match_.softcap == 0.0 ? scale : scale * match_.softcap;
    return true;
  }

  Editor& editor_;
  AttentionMatch match_;
};

}  // namespace

bool AttentionMatch::causal() const {
  return std::any_of(masks.begin(), masks.end(), [](const AttentionMask& m) {
    return m.kind == AttentionMask::Kind::kCausal;
  });
}

std::vector<AttentionMatch> FindAttention(const Graph& graph) {
  Graph copy = graph;  // the editor's; nothing is edited
  Editor editor(copy);
  AttentionReader reader(editor);
  std::vector<AttentionMatch> matches;
  for (const NodeId id : graph.order()) {
    if (!copy.node(id).Is("Softmax")) continue;
    auto match = reader.Read(id);
    if (!match) continue;
    match->nodes = InOrder(graph, match->nodes);
    matches.push_back(std::move(*match));
  }
  return matches;
}

}  // namespace squint
