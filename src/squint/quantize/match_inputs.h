// Synthetic inputs in the units that a network expects: how they must be
// scaled and shifted, told by the first BatchNormalization behind them.
#ifndef SQUINT_QUANTIZE_MATCH_INPUTS_H_
#define SQUINT_QUANTIZE_MATCH_INPUTS_H_

#include <map>
#include <optional>
#include <string>

#include "squint/base/context.h"
#include "squint/graph/graph.h"
#include "squint/quantize/normal_statistics.h"
#include "squint/quantize/tuning_data.h"

namespace squint {

struct InputScaling {
  double factor = 1;
  double offset = 0;
};

// Where a value of `normals` is an affine function y of the network's only
// input x: the factor for which the channels of y(factor * x + offset) have,
// in sum, the variances that `normals` says, and the offset of least squared
// difference of their means, in units of their deviations. None where there
// is no such value, or where it does not answer to its input.
std::optional<InputScaling> MatchInputs(
    const Graph& graph, const std::map<std::string, ChannelNormals>& normals,
    const TuningData& data, const Context& context);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_MATCH_INPUTS_H_
