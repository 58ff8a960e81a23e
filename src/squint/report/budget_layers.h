// The layers that a budget may raise to more bits, and what each costs.
#ifndef SQUINT_REPORT_BUDGET_LAYERS_H_
#define SQUINT_REPORT_BUDGET_LAYERS_H_

#include <memory>
#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/data/dataset.h"
#include "squint/graph/graph.h"
#include "squint/quantize/quantize.h"

namespace squint {

struct BudgetLayer {
  std::string name;          // as recipes call it
  double numbers = 0;        // of its weights
  double float_seconds = 0;  // of one run, where it was measured
  double integer_seconds = 0;
};

// As they are stored: 6 bits take the 8 of their type.
double BytesOfWeights(const BudgetLayer& layer, DType type);

// Named convolutions and matrix products of `graph` that `quantized` runs in
// integers with constant weights.
std::vector<BudgetLayer> RaisableLayers(const Graph& graph,
                                        const QuantizeResult& quantized);

// Fills in the seconds of each layer on this machine, the mean of some runs on
// `sample`. Returns those of all other nodes of the integer network.
double MeasureLayers(const std::shared_ptr<const Graph>& real,
                     const Graph& quantized, const Sample& sample,
                     const Context& context, std::vector<BudgetLayer>& layers);

}  // namespace squint

#endif  // SQUINT_REPORT_BUDGET_LAYERS_H_
