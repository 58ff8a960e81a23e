// The element and value types that Squint leaves out, by decision.
#ifndef SQUINT_TESTS_CONFORMANCE_ACCEPTED_TYPES_H_
#define SQUINT_TESTS_CONFORMANCE_ACCEPTED_TYPES_H_

#include <string>

#include "squint/graph/graph.h"

namespace squint {

// "strings", "complex", "float8", "sequences" or "optionals", when a value,
// an attribute or an operator of the graph has such a type; empty when none.
std::string AcceptedType(const Graph& graph);

}  // namespace squint

#endif  // SQUINT_TESTS_CONFORMANCE_ACCEPTED_TYPES_H_
