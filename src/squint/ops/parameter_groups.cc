#include "squint/ops/parameter_groups.h"

#include <numeric>

namespace squint {
namespace {

// Union-find over values; the smallest id represents a set.
class Partition {
 public:
  explicit Partition(int size) : parent_(static_cast<size_t>(size)) {
    std::iota(parent_.begin(), parent_.end(), 0);
  }
  ValueId Find(ValueId id) {
    while (parent_[static_cast<size_t>(id)] != id) {
      id = parent_[static_cast<size_t>(id)] =
          parent_[static_cast<size_t>(parent_[static_cast<size_t>(id)])];
    }
    return id;
  }
  void Join(ValueId a, ValueId b) {
    a = Find(a);
    b = Find(b);
    parent_[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
  }

 private:
  std::vector<ValueId> parent_;
};

// Calls f(input value, output value) for every pair that a node's rule ties.
template <typename F>
void ForEachTie(const Graph& graph, const Target& target, F&& f) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const OpDef* op = FindOp(node.op_type, node.domain);
    if (op == nullptr || op->quantize == nullptr) continue;
    const QuantSpec spec = op->quantize({graph, node, target});
    if (!spec.reason.empty() || spec.prefer_same) continue;
    for (const auto& [i, j] : spec.same) {
      const ValueId in = node.input(static_cast<size_t>(i));
      const ValueId out = node.output(static_cast<size_t>(j));
      if (in != kNoValue && out != kNoValue) f(node, in, out);
    }
  }
}

}  // namespace

std::vector<std::vector<ValueId>> ParameterGroups(
    const Graph& graph, const Target& target,
    const std::function<bool(ValueId)>& is_quantized) {
  Partition partition(graph.num_values());
  ForEachTie(graph, target, [&](const Node&, ValueId in, ValueId out) {
    if (is_quantized(in) && is_quantized(out)) partition.Join(in, out);
  });
  std::vector<std::vector<ValueId>> groups;
  std::vector<int> group_of(static_cast<size_t>(graph.num_values()), -1);
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    if (!is_quantized(id)) continue;
    int& group = group_of[static_cast<size_t>(partition.Find(id))];
    if (group < 0) {
      group = static_cast<int>(groups.size());
      groups.emplace_back();
    }
    groups[static_cast<size_t>(group)].push_back(id);
  }
  return groups;
}

std::vector<std::string> VerifyQuantization(const Graph& graph,
                                            const Target& target) {
  std::vector<std::string> violations;
  ForEachTie(graph, target, [&](const Node& node, ValueId in, ValueId out) {
    const auto& a = graph.value(in).quant;
    const auto& b = graph.value(out).quant;
    if (a && b && !(*a == *b)) {
      violations.push_back(fmt::format(
          "{}: '{}' {{{}}} and '{}' {{{}}} must share their parameters",
          NodeLabel(graph, node), graph.value(in).name, ToString(*a),
          graph.value(out).name, ToString(*b)));
    }
  });
  return violations;
}

}  // namespace squint
