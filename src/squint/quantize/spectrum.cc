// Where a network computes a power spectrum by itself, Conv -> squares ->
// sum -> root or logarithm, the numbers span orders of magnitude and the
// quiet bins matter as much as the loud ones: the logarithm or root that
// follows shows small differences large. The convolution before the squares
// therefore stays float.
#include <set>

#include "squint/quantize/method.h"

namespace squint {
namespace {

constexpr const char* kReason =
    "front end of a spectrum: squares and roots need more than 8 bits";

bool MovesData(const Node& node) {
  return node.Is("Slice") || node.Is("Split") || node.Is("Reshape") ||
         node.Is("Transpose") || node.Is("Squeeze") || node.Is("Unsqueeze") ||
         node.Is("Gather");
}

bool IsSquare(const Graph& graph, const Node& node) {
  if (node.Is("Mul")) return node.input(0) == node.input(1);
  if (!node.Is("Pow")) return false;
  const Tensor* exponent = graph.ConstantOf(node.input(1));
  return exponent != nullptr && exponent->size() == 1 &&
         exponent->ToFloats()[0] == 2.0f;
}

// A square whose sum with others goes into a root or a logarithm.
bool LeadsToRoot(const Graph& graph, const UseMap& uses, ValueId id,
                 int steps) {
  if (steps == 0) return false;
  for (const Use& use : uses.of(id)) {
    if (use.node == kNoNode) continue;
    const Node& node = graph.node(use.node);
    if (node.Is("Sqrt") || node.Is("Log")) return true;
    const bool carries = node.Is("Add") || node.Is("ReduceSum") ||
                         node.Is("Clip") || node.Is("Max") ||
                         node.Is("MatMul") || MovesData(node);
    if (carries && LeadsToRoot(graph, uses, node.output(), steps - 1)) {
      return true;
    }
  }
  return false;
}

void KeepSpectra(const MethodContext& context, FloatRequests& requests) {
  constexpr int kSteps = 4;  // sum, floor, reshapes
  const Graph& graph = context.original;
  const UseMap uses(graph);
  for (const NodeId id : graph.order()) {
    const Node& square = graph.node(id);
    if (!IsSquare(graph, square)) continue;
    NodeId producer = graph.value(square.input(0)).producer;
    while (producer != kNoNode && MovesData(graph.node(producer))) {
      producer = graph.value(graph.node(producer).input(0)).producer;
    }
    if (producer != kNoNode && graph.node(producer).Is("Conv") &&
        LeadsToRoot(graph, uses, square.output(), kSteps)) {
      requests.emplace(producer, kReason);
    }
  }
}

}  // namespace

extern constinit const MethodDef kSpectrumMethod = {
    .name = "spectrum",
    .summary = "keeps a convolution float whose squares make a spectrum",
    .source = "measured: docs/decisions/005-default-recipe.md",
    .needs_calibration = false,
    .select = KeepSpectra,
};

}  // namespace squint
