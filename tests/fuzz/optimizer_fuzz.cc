// Optimize keeps the results, the names and the types of a float network.
#include "compare.h"
#include "graph_maker.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/optimize/optimize.h"

namespace squint {
namespace {

// Axis 0 of some inputs is not known before running.
void MakeSymbolic(Choices& choices, Graph& graph) {
  for (const ValueId id : graph.inputs()) {
    Value& value = graph.value(id);
    if (value.shape.rank() == 0 || !choices.Coin()) continue;
    DimList dims = value.shape.dims();
    dims[0] = Dim::Symbol("n" + dims[0].ToString());
    value.shape = Shape(std::move(dims));
  }
  for (const NodeId id : graph.order()) {
    for (const ValueId output : graph.node(id).outputs) {
      graph.value(output).shape = Shape();
    }
  }
}

void CheckNames(const Graph& before, const Graph& after) {
  for (size_t i = 0; i < before.outputs().size(); ++i) {
    const Value& a = before.value(before.outputs()[i]);
    const Value& b = after.value(after.outputs()[i]);
    if (a.name != b.name || a.dtype != b.dtype) {
      FuzzFailed("output '" + a.name + "' became '" + b.name + "'");
    }
  }
}

}  // namespace

void Fuzz_optimizer(FuzzBytes bytes) {
  Choices choices(bytes);
  GraphMaker maker(choices);
  maker.Grow(12, choices.Rarely(32));
  Graph before = std::move(maker.graph);
  if (choices.Coin()) MakeSymbolic(choices, before);
  MustRun(before, [&] {
    InferShapes(before);
    const Expected expected = ExpectedOf(before, maker.inputs);
    Graph after = before;
    Optimize(after);
    CheckNames(before, after);
    CheckNear(expected, Interpret(after, maker.inputs), "optimizing", before,
              after);
  });
}

}  // namespace squint
