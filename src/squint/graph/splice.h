// Puts one graph's nodes into another: a function in place of its call, a
// branch in place of its If.
#ifndef SQUINT_GRAPH_SPLICE_H_
#define SQUINT_GRAPH_SPLICE_H_

#include <string>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// Replaces node `id` by the nodes of `body`, in its place in the order. The
// body's inputs and then its captures are the values `reads` (kNoValue where
// the node leaves an input out); its outputs are the node's. Names of nodes
// and of inner values get `prefix` in front. What hands a read value or a
// constant through to an output becomes an Identity that has the user names
// of the node. Error{kUnsupported} when something that is left out would
// have to be captured or handed through.
void Splice(Graph& graph, NodeId id, const Graph& body,
            const std::vector<ValueId>& reads, const std::string& prefix);

}  // namespace squint

#endif  // SQUINT_GRAPH_SPLICE_H_
