// Graphs that break rules in the places where operators look: examples of the
// operators with attributes, types, shapes, contents and inputs exchanged for
// others. Structurally whole, so that the reader takes them.
#ifndef SQUINT_TESTS_FUZZ_WILD_GRAPH_H_
#define SQUINT_TESTS_FUZZ_WILD_GRAPH_H_

#include <vector>

#include "choices.h"
#include "squint/graph/graph.h"

namespace squint {

struct WildGraph {
  Graph graph;
  std::vector<Tensor> inputs;  // for graph.inputs(), whatever these declare
};
WildGraph MakeWildGraph(Choices& choices);

}  // namespace squint

#endif  // SQUINT_TESTS_FUZZ_WILD_GRAPH_H_
