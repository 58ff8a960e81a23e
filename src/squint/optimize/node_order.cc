#include "squint/optimize/node_order.h"

#include <set>

namespace squint {

std::vector<NodeId> InOrder(const Graph& graph,
                            const std::vector<NodeId>& nodes) {
  const std::set<NodeId> wanted(nodes.begin(), nodes.end());
  std::vector<NodeId> ordered;
  for (const NodeId id : graph.order()) {
    if (wanted.contains(id)) ordered.push_back(id);
  }
  return ordered;
}

}  // namespace squint
