// Statistics of a value whose channels a method has scaled or shifted.
#ifndef SQUINT_QUANTIZE_RESCALED_STATISTICS_H_
#define SQUINT_QUANTIZE_RESCALED_STATISTICS_H_

#include <span>

#include "squint/calibrate/calibration.h"

namespace squint {

// Minimum, maximum and sum are known for each of `channels` channels.
bool HasChannels(const ValueStatistics& statistics, size_t channels);

// Of factor[c] * x + shift[c]: minima, maxima and sums, exactly; factors are
// positive. Blocks and the histogram do not follow from the old ones and stay
// empty: such values are best calibrated anew.
ValueStatistics Rescaled(const ValueStatistics& from,
                         std::span<const double> factor,
                         std::span<const double> shift);

}  // namespace squint

#endif  // SQUINT_QUANTIZE_RESCALED_STATISTICS_H_
