// MatMul of a matrix by a constant matrix, and an Add of one number per
// column, is a Gemm; the first dimension may be symbolic. Gemm's alpha and
// beta go into its constants, because integer targets know neither.
#include <utility>

#include "squint/optimize/linear.h"
#include "squint/optimize/pass.h"

namespace squint {
namespace {

bool MergeAdd(Editor& editor, NodeId id, PassContext& pass) {
  const Node& node = editor.graph().node(id);
  if (!node.Is("Add")) return false;
  const std::optional<Affine> add = ReadAffine(editor, id);
  if (!add || !add->has_shift() ||
      editor.SoleProducer(add->data, "MatMul") == kNoNode) {
    return false;
  }
  const NodeId matmul = editor.Producer(add->data);
  const std::optional<Linear> linear = ReadLinear(editor, matmul);
  if (!linear || editor.Rank(add->data) != 2) return false;
  if (!FoldAfter(editor, *linear, *add)) return false;
  pass.Say("{} and {} become Gemm", editor.Name(matmul), editor.Name(id));
  editor.TakeOutput(matmul, id);
  return true;
}

bool FoldFactors(Editor& editor, NodeId id, PassContext& pass) {
  const Node& node = editor.graph().node(id);
  if (!node.Is("Gemm") ||
      (node.Float("alpha", 1.0f) == 1.0f && node.Float("beta", 1.0f) == 1.0f)) {
    return false;
  }
  const std::optional<Linear> linear = ReadLinear(editor, id);
  if (!linear || !FoldAfter(editor, *linear, Affine{})) return false;
  pass.Say("alpha and beta of {}", editor.Name(id));
  return true;
}

int RunGemm(Graph& graph, PassContext& pass) {
  Editor editor(graph);
  for (const NodeId id : graph.order()) {
    if (graph.node(id).removed) continue;
    if (!MergeAdd(editor, id, pass)) FoldFactors(editor, id, pass);
  }
  return pass.changes();
}

}  // namespace

extern constinit const PassDef kGemmPass = {
    .name = "gemm",
    .summary = "MatMul and Add become Gemm; alpha and beta become 1",
    .run = RunGemm,
};

}  // namespace squint
