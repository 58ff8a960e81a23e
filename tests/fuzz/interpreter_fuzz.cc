// Three views of one valid network agree: what inference says of it, the
// reference interpreter, and the executor's kernels.
#include <fmt/format.h>

#include "compare.h"
#include "graph_maker.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

// Every shape and type that inference states is the one that is computed.
void CheckInferred(const Graph& graph, const std::vector<Tensor>& inputs) {
  InterpreterOptions options;
  options.tap = [&](ValueId id, const Tensor& made) {
    const Value& value = graph.value(id);
    const auto dims = value.shape.values();
    if (value.dtype == made.dtype() && (!dims || *dims == made.dims())) return;
    FuzzFailed(fmt::format("'{}' is inferred as {}{}, computed as {}{}\n{}",
                           value.name, DTypeName(value.dtype),
                           value.shape.ToString(), DTypeName(made.dtype()),
                           DimsToString(made.dims()), PrintGraph(graph)));
  };
  Interpret(graph, inputs, options);
}

}  // namespace

void Fuzz_interpreter(FuzzBytes bytes) {
  Choices choices(bytes);
  GraphMaker maker(choices);
  maker.Grow(8, false);
  const auto graph = std::make_shared<Graph>(std::move(maker.graph));
  MustRun(*graph, [&] {
    InferShapes(*graph);
    CheckInferred(*graph, maker.inputs);
    Context context;
    context.threads = 1;
    Executor executor(graph, context);
    const Expected expected = ExpectedOf(*graph, maker.inputs);
    for (int run = 0; run < 2; ++run) {  // the second by remembered plans
      CheckNear(expected, executor.Run(maker.inputs), "executing", *graph,
                *graph);
    }
  });
}

}  // namespace squint
