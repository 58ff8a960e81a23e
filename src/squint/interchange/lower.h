// Opsets before the ones that rows speak of: which older definition a node
// follows as it stands, and how nodes are made to follow one.
#ifndef SQUINT_INTERCHANGE_LOWER_H_
#define SQUINT_INTERCHANGE_LOWER_H_

#include <cstdint>

#include "squint/graph/graph.h"

namespace squint {

// Rewrites nodes so that they mean the same in an opset before 21 where that
// can be said there: axes as attributes, no attribute that only repeats its
// default, empty inputs where they were demanded, older_forms.h.
void LowerNodes(Graph& graph, int64_t opset);

// The opset of the older definition, before its row's, that a node follows as
// it stands, for a file of this opset; 0 when there is none.
int64_t OlderDefinition(const Graph& graph, const Node& node, int64_t opset);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_LOWER_H_
