#include "squint/quantize/block.h"

#include <algorithm>
#include <map>

#include "squint/ops/gradient.h"

namespace squint {
namespace {

constexpr size_t kLayers = 3;      // of a block made of several stretches
constexpr size_t kMostLayers = 8;  // of one stretch

std::vector<ValueId> ReadsOf(const Node& node) {
  std::vector<ValueId> reads = node.inputs;
  reads.insert(reads.end(), node.captures.begin(), node.captures.end());
  std::erase(reads, kNoValue);
  return reads;
}

class Cutter {
 public:
  Cutter(const Graph& graph, const std::set<NodeId>& tunable)
      : graph_(graph), tunable_(tunable), order_(graph.order()) {
    const auto values = static_cast<size_t>(graph.num_values());
    last_use_.assign(values, 0);
    depends_.assign(values, false);
    for (size_t i = 0; i < order_.size(); ++i) {
      const Node& node = graph.node(order_[i]);
      bool depends = tunable.contains(order_[i]);
      for (const ValueId id : ReadsOf(node)) {
        last_use_[At(id)] = i;
        depends = depends || depends_[At(id)];
      }
      for (const ValueId id : node.outputs) {
        if (id != kNoValue) depends_[At(id)] = depends;
      }
    }
    for (const ValueId id : graph.outputs()) last_use_[At(id)] = order_.size();
  }

  std::vector<TuningBlock> Run() {
    std::vector<TuningBlock> blocks;
    for (const auto& [begin, end] : Stretches()) {
      TuningBlock block = BlockOf(begin, end);
      if (block.tuned.size() <= kMostLayers && HasGradients(block)) {
        blocks.push_back(std::move(block));
        continue;
      }
      for (size_t i = begin; i < end; ++i) {
        if (tunable_.contains(order_[i])) blocks.push_back(BlockOf(i, i + 1));
      }
    }
    std::erase_if(blocks, [](const TuningBlock& b) { return b.tuned.empty(); });
    return blocks;
  }

 private:
  using Stretch = std::pair<size_t, size_t>;

  static size_t At(ValueId id) { return static_cast<size_t>(id); }

  // Merged, as long as they stay small.
  std::vector<Stretch> Stretches() const {
    std::vector<Stretch> merged;
    size_t layers = 0;
    for (const Stretch& stretch : Pieces()) {
      const size_t more = LayersOf(stretch);
      if (!merged.empty() && (more == 0 || layers + more <= kLayers)) {
        merged.back().second = stretch.second;
        layers += more;
      } else {
        merged.push_back(stretch);
        layers = more;
      }
    }
    return merged;
  }

  // Ends wherever at most one value that depends on tuned weights lives on.
  std::vector<Stretch> Pieces() const {
    std::vector<Stretch> pieces;
    std::set<ValueId> alive;
    size_t begin = 0;
    for (size_t i = 0; i < order_.size(); ++i) {
      for (const ValueId id : graph_.node(order_[i]).outputs) {
        if (id != kNoValue && depends_[At(id)]) alive.insert(id);
      }
      std::erase_if(alive, [&](ValueId id) { return last_use_[At(id)] <= i; });
      if (alive.size() > 1 && i + 1 < order_.size()) continue;
      pieces.emplace_back(begin, i + 1);
      begin = i + 1;
    }
    return pieces;
  }

  size_t LayersOf(const Stretch& stretch) const {
    return static_cast<size_t>(std::count_if(
        order_.begin() + static_cast<std::ptrdiff_t>(stretch.first),
        order_.begin() + static_cast<std::ptrdiff_t>(stretch.second),
        [&](NodeId id) { return tunable_.contains(id); }));
  }

  TuningBlock BlockOf(size_t begin, size_t end) const {
    TuningBlock block;
    std::set<ValueId> made;
    std::set<ValueId> read;
    std::set<ValueId> tuned;  // values that follow from tuned weights
    for (size_t i = begin; i < end; ++i) {
      const NodeId id = order_[i];
      const Node& node = graph_.node(id);
      block.nodes.push_back(id);
      bool follows = tunable_.contains(id);
      if (follows) block.tuned.push_back(id);
      for (const ValueId value : ReadsOf(node)) {
        follows = follows || tuned.contains(value);
        if (made.contains(value) || graph_.value(value).is_constant()) continue;
        if (read.insert(value).second) block.inputs.push_back(value);
      }
      for (const ValueId value : node.outputs) {
        if (value == kNoValue) continue;
        made.insert(value);
        if (!follows) continue;
        tuned.insert(value);
        if (last_use_[At(value)] >= end) block.outputs.push_back(value);
      }
    }
    return block;
  }

  bool HasGradients(const TuningBlock& block) const {
    std::set<ValueId> tuned;
    for (const NodeId id : block.nodes) {
      const Node& node = graph_.node(id);
      const bool layer = std::ranges::count(block.tuned, id) > 0;
      const bool follows =
          layer || std::ranges::any_of(node.inputs, [&](ValueId v) {
            return tuned.contains(v);
          });
      if (!follows) continue;
      if (FindGradient(node) == nullptr || node.outputs.size() != 1) {
        return false;
      }
      tuned.insert(node.output());
    }
    return true;
  }

  const Graph& graph_;
  const std::set<NodeId>& tunable_;
  std::vector<NodeId> order_;
  std::vector<size_t> last_use_;  // position; the end for graph outputs
  std::vector<bool> depends_;     // on a tuned weight
};

}  // namespace

std::vector<TuningBlock> CutIntoBlocks(const Graph& graph,
                                       const std::set<NodeId>& tunable) {
  return Cutter(graph, tunable).Run();
}

GraphPart PartOf(const Graph& whole, const std::set<ValueId>& from,
                 const std::vector<ValueId>& to) {
  GraphPart part{whole, {}};
  std::set<ValueId> wanted(to.begin(), to.end());
  std::vector<NodeId> order = whole.order();
  std::vector<ValueId> inputs;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& node = whole.node(*it);
    const bool needed = std::ranges::any_of(node.outputs, [&](ValueId id) {
      return wanted.contains(id) && !from.contains(id);
    });
    if (!needed) {
      part.graph.RemoveNode(*it);
      continue;
    }
    for (const ValueId id : ReadsOf(node)) wanted.insert(id);
  }
  for (const ValueId id : wanted) {
    if (whole.value(id).is_constant()) continue;
    if (from.contains(id) || whole.IsInput(id)) part.needed.push_back(id);
  }
  part.graph.SetInputs(part.needed);
  part.graph.SetOutputs(to);
  return part;
}

}  // namespace squint
