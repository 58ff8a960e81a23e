// Changes of a quantized graph that change no number.
#ifndef SQUINT_INTERCHANGE_CONVERT_H_
#define SQUINT_INTERCHANGE_CONVERT_H_

#include <string>
#include <vector>

#include "squint/graph/graph.h"

namespace squint {

// Turns int8 activations into uint8 or back, or int16 ones into uint16 or back:
// zero points and the stored integers of constants that are no weights move by
// half the range. `to`: one of the four. Returns a sentence for each tensor
// that keeps its type because a node reads or makes its integers. The graph
// must have been absorbed.
std::vector<std::string> ChangeActivations(Graph& graph, DType to);

// The same of all activations, to int8 and int16.
std::vector<std::string> MakeActivationsSigned(Graph& graph);

// Error{kUnsupported} naming the first node that computes on stored integers
// instead of standing between Q and DQ.
void RequireQdq(const Graph& graph);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_CONVERT_H_
