// Second moments of what layers multiply their weights with, over samples.
#ifndef SQUINT_QUANTIZE_INPUT_MOMENTS_H_
#define SQUINT_QUANTIZE_INPUT_MOMENTS_H_

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "squint/base/context.h"
#include "squint/graph/graph.h"
#include "squint/quantize/tuning_data.h"

namespace squint {

// Of one layer's unfolded inputs: `groups` times `size` numbers a row, in the
// order of its weights (input channel, then window position); padding counts
// as the zeros that it is.
struct InputMoments {
  int64_t size = 0;
  int64_t groups = 1;
  int64_t rows = 0;
  std::vector<double> sums;     // [groups][size], of the rows
  std::vector<float> products;  // [groups][size][size], summed over the rows

  // E[x x^T] of a group, [size][size]; `centred`: of x - E[x].
  std::vector<float> Of(int64_t group, bool centred) const;
};

// How many bytes the moments of a layer (see LayoutOf) take.
size_t MomentBytes(const Graph& graph, NodeId layer);

// Runs the float network over the samples. Of each sample as many rows are
// taken, at random places, as make some ten for each number of a row in all.
std::map<NodeId, InputMoments> MeasureInputs(const Graph& graph,
                                             const std::set<NodeId>& layers,
                                             const TuningData& data,
                                             const Context& context);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_INPUT_MOMENTS_H_
