// What a network that gives NaN is asked first: whether its own weights are
// numbers.
#ifndef SQUINT_QUANTIZE_FINITE_WEIGHTS_H_
#define SQUINT_QUANTIZE_FINITE_WEIGHTS_H_

#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"

namespace squint {

// Error{kInvalidModel} naming node and constant where a constant weight or
// bias, of nested graphs, too, holds NaN or infinity. Reads all weights.
void CheckWeightsAreFinite(const Graph& graph);

// The same, where the statistics hold NaN or infinity: without either, the
// weights are not read. What is not the weights' fault is no error.
void BlameWeights(const Graph& graph, const Calibration& calibration);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_FINITE_WEIGHTS_H_
