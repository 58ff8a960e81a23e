// An If whose condition is a constant is its branch.
#include <string_view>

#include "squint/graph/splice.h"
#include "squint/optimize/editor.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

// The condition of an If, when it can never be another.
const Tensor* FixedCondition(const Editor& editor, const Node& node) {
  if (!node.Is("If") || editor.IsQuantized(node)) return nullptr;
  const Tensor* condition = editor.Constant(node, 0);
  const bool fits = condition != nullptr &&
                    condition->dtype() == DType::kBool &&
                    condition->size() == 1;
  return fits ? condition : nullptr;
}

// The branch, ready to stand in the outer graph, and what it reads there.
struct Branch {
  Graph graph;
  std::vector<ValueId> reads;
};

Branch BranchOf(const Node& node, std::string_view wanted) {
  Branch branch;
  ForEachBody(node, [&](const std::string& key, const Graph& body,
                        size_t first) {
    if (key != wanted) return;
    const auto begin = node.captures.begin() + static_cast<ptrdiff_t>(first);
    branch.graph = body;
    branch.reads.assign(begin,
                        begin + static_cast<ptrdiff_t>(body.captures().size()));
  });
  return branch;
}

int RunConstantIf(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const Tensor* condition = FixedCondition(editor, node);
    if (condition == nullptr) continue;
    const bool taken = condition->Materialize().data<bool>()[0];
    const Branch branch = BranchOf(node, taken ? "then_branch" : "else_branch");
    pass.Say("{} is its {} branch", editor.Name(id), taken ? "then" : "else");
    Splice(graph, id, branch.graph, branch.reads, "");
    editor.Invalidate();
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kConstantIfPass = {
    .name = "constant-if",
    .summary = "an If with a constant condition becomes its branch",
    .run = RunConstantIf,
};

}  // namespace squint
