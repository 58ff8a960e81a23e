#include "squint/calibrate/calibration.h"

namespace squint {
namespace {

Range ChooseMinMax(const ValueStatistics& statistics, const ObserverOptions&) {
  return {static_cast<double>(statistics.minimum),
          static_cast<double>(statistics.maximum)};
}

}  // namespace

constinit const ObserverDef kMinMaxObserver = {
    .name = "min_max",
    .summary = "the smallest and the largest value seen",
    .source = "Jacob et al., arXiv:1712.05877",
    .choose = ChooseMinMax,
};

}  // namespace squint
