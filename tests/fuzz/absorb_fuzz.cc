// Absorb and the layout change no number: as written, the graph with Q and
// DQ nodes, the absorbed one and the one laid out again are bit-identical.
#include "compare.h"
#include "graph_maker.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"

namespace squint {

void Fuzz_absorb(FuzzBytes bytes) {
  Choices choices(bytes);
  GraphMaker maker(choices);
  maker.Grow(12, true);
  Graph before = std::move(maker.graph);
  MustRun(before, [&] {
    InferShapes(before);
    const std::vector<Tensor> expected = Interpret(before, maker.inputs);
    Graph absorbed = before;
    Absorb(absorbed);
    VerifyGraph(absorbed);
    CheckSame(expected, Interpret(absorbed, maker.inputs), "absorbing", before,
              absorbed);
    const Graph laid = LayOutQuantization(absorbed);
    CheckSame(expected, Interpret(laid, maker.inputs), "laying out", absorbed,
              laid);
  });
}

}  // namespace squint
