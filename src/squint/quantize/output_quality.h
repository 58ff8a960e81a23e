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

// Whether a change of a quantized network, from `before` to `after`, took its
// outputs further from those of `real`: by more than `tolerated` dB of their
// SQNR, in the mean of eight samples. Where two of them far apart bear it, each
// for itself, the others are not asked: they are most of the time that this
// takes. Values that are quantized are simulated.
bool BecameWorse(const Graph& real, const Graph& before, const Graph& after,
                 double tolerated, const TuningData& data,
                 const Context& context);

// The mean over one sample's float outputs of the signal to noise ratio, in dB,
// each at most 100.
double OutputSqnr(const std::vector<Tensor>& real,
                  const std::vector<Tensor>& quantized);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_OUTPUT_QUALITY_H_
