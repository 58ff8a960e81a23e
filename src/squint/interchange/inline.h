// Model-local functions, put in the place of their calls.
#ifndef SQUINT_INTERCHANGE_INLINE_H_
#define SQUINT_INTERCHANGE_INLINE_H_

#include <functional>
#include <vector>

#include "squint/graph/graph.h"
#include "squint/onnx/functions.h"

namespace squint {

// Replaces every call in the graph and its nested graphs by the function's
// nodes, and calls in these in turn. A body has an opset of its own:
// `upgrade` is run on each copy once its attributes are those of the call.
// Names become "<call>/<name>"; user_names are the call's.
// Error{kInvalidModel} when functions call each other in a circle.
void InlineFunctions(Graph& graph, const std::vector<ModelFunction>& functions,
                     const std::function<void(Graph&)>& upgrade);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_INLINE_H_
