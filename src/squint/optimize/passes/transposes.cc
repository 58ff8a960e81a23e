// Transposes that exporters put around channels-last code: merged when they
// meet, and moved down through element-wise nodes, Concat, Softmax, reductions
// and Pad where fewer of them are left afterwards.
//
// For one permutation at a time: the region is every node that has all its
// data from such Transposes, directly or through the region. Its values would
// be computed in the order before the Transposes; a Transpose is then needed
// behind each value that somebody outside reads. Nodes at the region's end
// that do not help are taken out again; if Transposes remain saved, the
// region is rewritten.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"
#include "squint/optimize/permute.h"

namespace squint {
namespace {

class Region {
 public:
  Region(Editor& editor, Permutation perm)
      : editor_(editor), graph_(editor.graph()), perm_(std::move(perm)) {
    Grow();
    Prune();
  }

  int gain() { return Before() - After(); }
  size_t size() const { return nodes_.size(); }

  void Rewrite() {
    const std::set<ValueId> outside = Materialized();
    const std::map<ValueId, std::vector<NodeId>> transposes = Readers();
    for (const NodeId id : sources_) {
      const Node& node = graph_.node(id);
      moved_[node.output()] = node.input(0);
    }
    for (const NodeId id : order_) {
      if (nodes_.contains(id)) RewriteNode(id, nodes_.at(id), outside);
    }
    for (const auto& [value, readers] : transposes) {
      for (const NodeId reader : readers) Compose(reader, value);
    }
    for (const NodeId id : sources_) {
      editor_.RemoveUnread(graph_.node(id).output());
    }
  }

 private:
  bool IsPermuted(ValueId value) const { return values_.contains(value); }

  void Grow() {
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (node.Is("Transpose")) {
        if (!editor_.IsQuantized(node) && !IsPermuted(node.input(0)) &&
            PermutationOf(editor_, node) == perm_) {
          sources_.push_back(id);
          values_.insert(node.output());
        }
        continue;
      }
      const Permuted how = CanPermute(editor_, node, perm_, [&](ValueId value) {
        return IsPermuted(value);
      });
      if (how == Permuted::kNo) continue;
      nodes_[id] = how;
      order_.push_back(id);
      if (how == Permuted::kYes) values_.insert(node.output());
    }
  }

  // Takes a node out when as many Transposes are saved without it; only
  // nodes that no other region node reads.
  void Prune() {
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      const Permuted how = nodes_.at(*it);
      const ValueId output = graph_.node(*it).output();
      if (FeedsRegion(output)) continue;
      const int with = gain();
      nodes_.erase(*it);
      values_.erase(output);
      if (gain() >= with) continue;
      nodes_[*it] = how;
      if (how == Permuted::kYes) values_.insert(output);
    }
  }

  bool FeedsRegion(ValueId value) {
    return std::any_of(
        editor_.UsesOf(value).begin(), editor_.UsesOf(value).end(),
        [&](const Use& use) { return nodes_.contains(use.node); });
  }

  bool IsTransposeOf(const Use& use, ValueId value) const {
    if (use.node == kNoNode) return false;
    const Node& node = graph_.node(use.node);
    return node.Is("Transpose") && node.input(0) == value &&
           !editor_.IsQuantized(node);
  }

  // Region values that somebody outside reads in the file's order.
  std::set<ValueId> Materialized() {
    std::set<ValueId> result;
    for (const ValueId value : values_) {
      for (const Use& use : editor_.UsesOf(value)) {
        const bool inside = use.node != kNoNode && nodes_.contains(use.node);
        if (!inside && !IsTransposeOf(use, value)) result.insert(value);
      }
    }
    return result;
  }

  std::map<ValueId, std::vector<NodeId>> Readers() {
    std::map<ValueId, std::vector<NodeId>> result;
    for (const ValueId value : values_) {
      for (const Use& use : editor_.UsesOf(value)) {
        if (IsTransposeOf(use, value)) result[value].push_back(use.node);
      }
    }
    return result;
  }

  int Before() {
    size_t count = sources_.size();
    for (const auto& [value, readers] : Readers()) count += readers.size();
    return static_cast<int>(count);
  }

  int After() {
    int count = static_cast<int>(Materialized().size());
    for (const auto& [value, readers] : Readers()) {
      for (const NodeId reader : readers) {
        const auto perm = PermutationOf(editor_, graph_.node(reader));
        if (!perm || !IsIdentity(Then(perm_, *perm))) ++count;
      }
    }
    return count;
  }

  void RewriteNode(NodeId id, Permuted how, const std::set<ValueId>& outside) {
    PermuteParameters(editor_, id, perm_,
                      [&](ValueId value) { return IsPermuted(value); });
    for (ValueId& input : graph_.node(id).inputs) {
      if (const auto it = moved_.find(input); it != moved_.end()) {
        input = it->second;
      }
    }
    editor_.Invalidate();
    if (how == Permuted::kDropped) return;
    const ValueId old = graph_.node(id).output();
    const ValueId fresh =
        graph_.AddValue(graph_.value(old).name, graph_.value(old).dtype,
                        PermutedShape(graph_.value(old).shape));
    graph_.value(fresh).user_name = graph_.value(old).user_name;
    graph_.value(old).producer = kNoNode;
    graph_.SetProducer(fresh, id, 0);
    moved_[old] = fresh;
    if (outside.contains(old)) TransposeBehind(id, fresh, old);
  }

  void TransposeBehind(NodeId id, ValueId from, ValueId to) {
    Node transpose;
    transpose.op_type = "Transpose";
    transpose.name = graph_.node(id).name + "_Transpose";
    transpose.user_names = graph_.node(id).user_names;
    transpose.inputs = {from};
    transpose.outputs = {to};
    transpose.Set("perm", perm_);
    graph_.InsertAfter(id, std::move(transpose));
  }

  Shape PermutedShape(const Shape& shape) const {
    if (!shape.has_rank()) return {};
    DimList dims(perm_.size());
    for (size_t k = 0; k < perm_.size(); ++k) {
      dims[static_cast<size_t>(perm_[k])] = shape.dims()[k];
    }
    return Shape(std::move(dims));
  }

  // A Transpose that reads a region value: of the value before, by both.
  void Compose(NodeId reader, ValueId value) {
    const auto perm = PermutationOf(editor_, graph_.node(reader));
    if (!perm) return;
    const Permutation both = Then(perm_, *perm);
    const ValueId before = moved_.at(value);
    const ValueId output = graph_.node(reader).output();
    if (IsIdentity(both) && editor_.Bypass(reader, before)) {
      // Of the two values one is left: a graph output, or the one before.
      const bool is_output = graph_.IsOutput(output);
      for (auto& [old, moved] : moved_) {
        if (moved == (is_output ? before : output)) {
          moved = is_output ? output : before;
        }
      }
      return;
    }
    editor_.SetInput(reader, 0, before);
    graph_.node(reader).Set("perm", both);
  }

  Editor& editor_;
  Graph& graph_;
  const Permutation perm_;
  std::vector<NodeId> sources_;       // Transposes by perm_
  std::set<ValueId> values_;          // theirs and the region's
  std::map<NodeId, Permuted> nodes_;  // the region
  std::vector<NodeId> order_;         // the region as grown, in order
  std::map<ValueId, ValueId> moved_;  // value -> the same before perm_
};

std::set<Permutation> Permutations(const Editor& editor) {
  std::set<Permutation> result;
  for (const NodeId id : editor.graph().order()) {
    const Node& node = editor.graph().node(id);
    if (!node.Is("Transpose")) continue;
    if (const auto perm = PermutationOf(editor, node);
        perm && !IsIdentity(*perm)) {
      result.insert(*perm);
    }
  }
  return result;
}

int RunTransposes(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const Permutation& perm : Permutations(editor)) {
    Region region(editor, perm);
    const int gain = region.gain();
    if (gain <= 0) continue;
    region.Rewrite();
    pass.Say("{} fewer of {}, {} nodes in another order of axes", gain,
             DimsToString(perm), region.size());
    // Ids and shapes of other permutations are stale now; the next round
    // meets them.
    break;
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kTransposesPass = {
    .name = "transposes",
    .summary = "Transposes merged, cancelled and moved to where they cancel",
    .run = RunTransposes,
};

}  // namespace squint
