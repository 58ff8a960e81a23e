// What methods may learn from beside the statistics: samples themselves.
#ifndef SQUINT_QUANTIZE_TUNING_DATA_H_
#define SQUINT_QUANTIZE_TUNING_DATA_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "squint/data/dataset.h"

namespace squint {

class RoundedWeights;

// The samples that calibrated, of their dataset.
struct TuningData {
  std::shared_ptr<const Dataset> dataset;
  std::vector<int64_t> samples;
  // Of earlier quantizations with these samples, and for later ones; null:
  // nothing is kept.
  std::shared_ptr<RoundedWeights> rounded = nullptr;
};

}  // namespace squint

#endif  // SQUINT_QUANTIZE_TUNING_DATA_H_
