#include "squint/quantize/rescaled_statistics.h"

#include <algorithm>

namespace squint {

bool HasChannels(const ValueStatistics& statistics, size_t channels) {
  return statistics.channel_count > 0 && statistics.nans == 0 &&
         statistics.channel_minimum.size() == channels;
}

ValueStatistics Rescaled(const ValueStatistics& from,
                         std::span<const double> factor,
                         std::span<const double> shift) {
  ValueStatistics to;
  to.count = from.count;
  to.channel_axis = from.channel_axis;
  to.channel_count = from.channel_count;
  for (size_t c = 0; c < factor.size(); ++c) {
    const auto moved = [&](float x) {
      return static_cast<float>(static_cast<double>(x) * factor[c] + shift[c]);
    };
    const float low = moved(from.channel_minimum[c]);
    const float high = moved(from.channel_maximum[c]);
    to.channel_minimum.push_back(low);
    to.channel_maximum.push_back(high);
    to.channel_sum.emplace_back().Add(
        from.channel_sum[c].value() * factor[c] +
        shift[c] * static_cast<double>(from.channel_count));
    to.minimum = c == 0 ? low : std::min(to.minimum, low);
    to.maximum = c == 0 ? high : std::max(to.maximum, high);
  }
  return to;
}

}  // namespace squint
