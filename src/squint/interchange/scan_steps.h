// The steps of an LSTM or GRU direction as a file has them: a Scan whose body
// is ops/step_body.h.
#ifndef SQUINT_INTERCHANGE_SCAN_STEPS_H_
#define SQUINT_INTERCHANGE_SCAN_STEPS_H_

#include "squint/graph/graph.h"

namespace squint {

// Node `id`, squint::LSTMSteps or GRUSteps, becomes a Scan; quantization is
// still QuantParams on the body's values. Error{kUnsupported} when a weight
// is no constant.
void WriteStepsAsScan(Graph& graph, NodeId id);

// The inverse, everywhere in the graph and its nested ones, for bodies that
// are the written ones to the letter (names aside), Q/DQ absorbed: running
// the node gives the very numbers that running the Scan gave.
void AbsorbSteps(Graph& graph);

}  // namespace squint

#endif  // SQUINT_INTERCHANGE_SCAN_STEPS_H_
