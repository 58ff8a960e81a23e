// The float network becomes an integer one: nodes are selected, ranges become
// parameters, weights become integers, biases follow.
#ifndef SQUINT_QUANTIZE_QUANTIZE_H_
#define SQUINT_QUANTIZE_QUANTIZE_H_

#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"
#include "squint/quantize/recipe.h"
#include "squint/quantize/selection.h"
#include "squint/quantize/tuning_data.h"

namespace squint {

// What became of one node, in the user's names.
struct NodeOutcome {
  std::string name;
  std::string op_type;
  bool integer = false;
  FloatKind kind = FloatKind::kNone;
  std::string reason;
};

struct QuantizeResult {
  Graph graph;  // values carry QuantParams; compacted, verified
  std::vector<NodeOutcome> nodes;
  std::vector<std::string> notes;  // what the summary should say
  size_t float_weight_bytes = 0;   // of the weights that were quantized
  size_t quantized_weight_bytes = 0;
};

// Rewrites for what the recipe's target runs, which change no float result;
// once, before ValuesToCalibrate and Quantize. Recurrent nodes are split into
// the product with their input and their steps where the target runs both in
// integers.
void PrepareForRecipe(Graph& graph, const Recipe& recipe);

// The values whose ranges a static recipe needs, for CalibrateOptions; those
// of nested graphs by their numbers in NestedValues.
std::vector<ValueId> ValuesToCalibrate(const Graph& graph,
                                       const Recipe& recipe);

// `graph`: loaded, absorbed, optimized, shapes inferred, PrepareForRecipe
// applied. `calibration` may be null for dynamic and weight-only. Errors:
// kInvalidArgument for a recipe that contradicts itself or names what does not
// exist, kInvalidModel for NaN weights or activations, kUnsupported for what
// cannot be done yet.
// Nested graphs are quantized too: what they capture they see in real numbers,
// which keep the grid they are on, and their inputs and outputs are real.
// `data`: samples for the methods that learn from them (reconstruct), null
// where there are none: an error where such a method is on.
QuantizeResult Quantize(const Graph& graph, const Calibration* calibration,
                        const Recipe& recipe, const Context& context = {},
                        const TuningData* data = nullptr);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_QUANTIZE_H_
