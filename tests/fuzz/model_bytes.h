// A graph as the bytes of a model file.
#ifndef SQUINT_TESTS_FUZZ_MODEL_BYTES_H_
#define SQUINT_TESTS_FUZZ_MODEL_BYTES_H_

#include <string>

#include "squint/graph/graph.h"

namespace squint {

// Nothing but the graph, in a model of operator set `opset` (and the first
// of com.microsoft). The graph need not be one that WriteOnnx takes.
std::string ModelBytes(const Graph& graph, int64_t opset = 21);

}  // namespace squint

#endif  // SQUINT_TESTS_FUZZ_MODEL_BYTES_H_
