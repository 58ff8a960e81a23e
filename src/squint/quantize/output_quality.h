// How near a quantized network's outputs are to the float one's, for methods
// that look whether they have done good.
#ifndef SQUINT_QUANTIZE_OUTPUT_QUALITY_H_
#define SQUINT_QUANTIZE_OUTPUT_QUALITY_H_

#include <vector>

#include "squint/base/context.h"
#include "squint/graph/graph.h"
#include "squint/quantize/tuning_data.h"
#include "squint/tensor/tensor.h"

namespace squint {

// The outputs on a few of the samples, by sample. Values that are quantized
// are simulated.
std::vector<std::vector<Tensor>> OutputsOnSome(const Graph& graph,
                                               const TuningData& data,
                                               const Context& context);

// The mean over samples and float outputs of the signal to noise ratio, in dB,
// each at most 100. Loud samples count no more than quiet ones.
double MeanSqnr(const std::vector<std::vector<Tensor>>& real,
                const std::vector<std::vector<Tensor>>& quantized);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_OUTPUT_QUALITY_H_
