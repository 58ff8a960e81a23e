#include "squint/calibrate/calibration.h"

namespace squint {
namespace {

// An exponential average of the blocks' extremes in the order of their
// sample indices. Divided by the sum of the weights, so that few blocks give
// nearly their mean instead of nearly the first block.
Range ChooseMovingAverage(const ValueStatistics& statistics,
                          const ObserverOptions& options) {
  Range sum;
  double weights = 0;
  const double keep = 1.0 - options.averaging_constant;
  for (const auto& [block, range] : statistics.blocks) {
    sum.low = keep * sum.low + static_cast<double>(range.first);
    sum.high = keep * sum.high + static_cast<double>(range.second);
    weights = keep * weights + 1.0;
  }
  if (weights == 0) return {};
  return {sum.low / weights, sum.high / weights};
}

}  // namespace

constinit const ObserverDef kMovingAverageObserver = {
    .name = "moving_average",
    .summary = "minima and maxima of blocks of samples, averaged",
    .source = "Jacob et al., arXiv:1712.05877, 3.1; start corrected as in Adam",
    .choose = ChooseMovingAverage,
};

}  // namespace squint
