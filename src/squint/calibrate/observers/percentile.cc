#include "squint/calibrate/density.h"

namespace squint {
namespace {

// Symmetric: that part of all magnitudes lies inside. Asymmetric: half of
// the rest is cut from each end.
Range ChoosePercentile(const ValueStatistics& statistics,
                       const ObserverOptions& options) {
  const double inside = options.percentile / 100.0;
  if (options.symmetric) {
    const double bound = Density::OfMagnitudes(statistics).Quantile(inside);
    return {-bound, bound};
  }
  const Density density(statistics);
  const double cut = (1.0 - inside) / 2;
  return {density.Quantile(cut), density.Quantile(1.0 - cut)};
}

}  // namespace

constinit const ObserverDef kPercentileObserver = {
    .name = "percentile",
    .summary = "the range that holds a given part of all elements",
    .source = "Wu et al., arXiv:2004.09602, 3.2",
    .choose = ChoosePercentile,
};

}  // namespace squint
