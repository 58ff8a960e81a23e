// Scales of least squared error for weights of eight bits and more, which
// otherwise span the largest magnitude: a few large weights may be clipped
// where that makes all others finer. Weights of fewer bits always have them.
#include "squint/quantize/method.h"

namespace squint {

extern constinit const MethodDef kWeightScalesMethod = {
    .name = "weight-scales",
    .summary = "gives weights the scale of least squared error",
    .source = "arXiv:1906.04721 section 5.1, kernels/scale_search",
    .on_by_default = false,
    .needs_calibration = false,
    .weights = [](WeightOptions& options) { options.search = true; },
};

}  // namespace squint
