// One graph of a network becomes an integer one; the graphs inside its nodes
// are copied as they are.
#ifndef SQUINT_QUANTIZE_GRAPH_QUANTIZER_H_
#define SQUINT_QUANTIZE_GRAPH_QUANTIZER_H_

#include <map>
#include <set>

#include "squint/base/context.h"
#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"
#include "squint/quantize/quantize.h"
#include "squint/quantize/recipe.h"
#include "squint/tensor/quant_params.h"

namespace squint {

// For a nested graph: its captures whose outer values are quantized, and how.
using CaptureParams = std::map<ValueId, QuantParams>;

// What the graph needs calibrated under a static recipe, by its own ids.
std::set<ValueId> WantedValues(const Graph& graph, const Recipe& recipe);

// `calibration` speaks of this graph alone and may be null where no mode needs
// it. The result is compacted and verified; nodes that hold graphs keep their
// order. `data` feeds this graph's inputs and may be null. Errors as of
// Quantize.
QuantizeResult QuantizeGraph(const Graph& graph, const Calibration* calibration,
                             const Recipe& recipe,
                             const CaptureParams& captures,
                             const Context& context,
                             const TuningData* data = nullptr);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_GRAPH_QUANTIZER_H_
