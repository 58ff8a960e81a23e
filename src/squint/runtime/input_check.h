// Whether what a caller feeds fits what the graph declares.
#ifndef SQUINT_RUNTIME_INPUT_CHECK_H_
#define SQUINT_RUNTIME_INPUT_CHECK_H_

#include <vector>

#include "squint/graph/graph.h"
#include "squint/tensor/tensor.h"

namespace squint {

// Error{kInvalidArgument} names the input when the count, a type, a rank, a
// fixed dimension or two uses of one symbol disagree. A float16 or bfloat16
// input may also be given as float32.
void CheckInputs(const Graph& graph, const std::vector<Tensor>& inputs);
// The same for what the node around passes to a nested graph: count and types
// alone, for its shapes are inferred, and were checked where they come from.
void CheckNestedInputs(const Graph& nested, const std::vector<Tensor>& inputs);

}  // namespace squint

#endif  // SQUINT_RUNTIME_INPUT_CHECK_H_
