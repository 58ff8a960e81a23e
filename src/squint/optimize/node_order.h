// Nodes that were found in any order, as the graph has them.
#ifndef SQUINT_OPTIMIZE_NODE_ORDER_H_
#define SQUINT_OPTIMIZE_NODE_ORDER_H_

#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// In topological order, each once.
std::vector<NodeId> InOrder(const Graph& graph,
                            const std::vector<NodeId>& nodes);

}  // namespace squint

#endif  // SQUINT_OPTIMIZE_NODE_ORDER_H_
