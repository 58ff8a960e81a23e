// A quantized graph lowered to integers runs: it says what the integer reading
// of the graph says, and the kernels give what the reference gives, bit for bit
// where only integers are computed with, and the same shapes and types
// everywhere.
#include "compare.h"
#include "graph_maker.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/executor.h"
#include "squint/runtime/integer_graph.h"

namespace squint {
namespace {

// Real numbers are made by operators on integers only, and bytes by such as
// round what the reference rounds.
bool ComputesOnIntegers(const Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.Is("FusedAttention", "squint")) return false;
    const bool converts = node.Is("QuantizeLinear") ||
                          node.Is("DequantizeLinear") ||
                          node.domain == "com.microsoft";
    if (converts) continue;
    for (const ValueId output : node.outputs) {
      if (output != kNoValue && IsFloat(graph.value(output).dtype)) {
        return false;
      }
    }
  }
  return true;
}

void CheckTypes(const std::vector<Tensor>& expected,
                const std::vector<Tensor>& actual, const Graph& graph) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (actual[i].dtype() == expected[i].dtype() &&
        actual[i].dims() == expected[i].dims()) {
      continue;
    }
    FuzzFailed("the lowered graph has another result:\n" + PrintGraph(graph));
  }
}

}  // namespace

void Fuzz_integers(FuzzBytes bytes) {
  Choices choices(bytes);
  GraphMaker maker(choices);
  maker.Grow(12, true);
  Graph graph = std::move(maker.graph);
  MustRun(graph, [&] {
    InferShapes(graph);
    Absorb(graph);
    const auto lowered = std::make_shared<const Graph>(LowerToIntegers(graph));
    CheckTypes(Interpret(graph, maker.inputs),
               Interpret(*lowered, maker.inputs), *lowered);
    const InterpreterOptions integer = {.reading = Reading::kInteger};
    const std::vector<Tensor> expected =
        Interpret(*lowered, maker.inputs, integer);
    Context context;
    context.threads = 1;
    const std::vector<Tensor> actual =
        Executor(lowered, context).Run(maker.inputs);
    if (ComputesOnIntegers(*lowered)) {
      CheckSame(Interpret(graph, maker.inputs, integer), expected, "lowering",
                graph, *lowered);
      CheckSame(expected, actual, "integer kernels", graph, *lowered);
    } else {
      CheckTypes(expected, actual, *lowered);
    }
  });
}

}  // namespace squint
