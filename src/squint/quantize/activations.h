// Static parameters of activations: from calibrated ranges and the operators'
// constraints to one QuantParams for every quantized value.
#ifndef SQUINT_QUANTIZE_ACTIVATIONS_H_
#define SQUINT_QUANTIZE_ACTIVATIONS_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "squint/calibrate/calibration.h"
#include "squint/graph/graph.h"
#include "squint/ops/op.h"
#include "squint/quantize/recipe.h"

namespace squint {

struct ActivationPlan {
  // Values to be quantized, and the name under which each was calibrated
  // (a requantized copy has the statistics of its source).
  std::map<ValueId, std::string> values;
  // Clamps that ranges absorb: the range must lie within.
  std::map<ValueId, std::pair<float, float>> clamps;
  // Outputs with a range known by definition.
  std::set<ValueId> unit_range;
  // Values whose numbers are on a grid already: they keep it.
  std::map<ValueId, QuantParams> exact;
};

DType ActivationType(const Recipe& recipe, const Target& target);
// The observer for a value when nobody names one.
std::string DefaultObserver(const ValueStatistics& statistics);
// The range of a value by the recipe's observer, or `observer` if given.
Range CalibratedRange(const ValueStatistics& statistics, const Recipe& recipe,
                      const Target& target, std::string observer = "");

// Sets `quant` of every value of the plan. Error{kInvalidModel} names values
// that saw NaN; kInvalidArgument those that calibration did not see.
void AssignActivationParams(Graph& graph, const ActivationPlan& plan,
                            const Calibration& calibration,
                            const Recipe& recipe, const Target& target);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_ACTIVATIONS_H_
