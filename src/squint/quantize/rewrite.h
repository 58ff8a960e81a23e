// The rewriting methods, applied to a float graph and its statistics.
#ifndef SQUINT_QUANTIZE_REWRITE_H_
#define SQUINT_QUANTIZE_REWRITE_H_

#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"
#include "squint/quantize/method.h"

namespace squint {

// One method after the other changes `graph` and `calibration`, which start as
// those of `given`. Where samples are at hand, values are observed anew that a
// method says so of (MethodDef::observes_anew).
void Rewrite(Graph& graph, Calibration& calibration, const MethodContext& given,
             const FloatRequests& requests);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_REWRITE_H_
