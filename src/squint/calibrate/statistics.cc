// Merging: what makes the statistics of shards those of the whole.
#include <algorithm>
#include <cmath>

#include "squint/calibrate/calibration.h"

namespace squint {
namespace {

constexpr double kUnitsPerOne = 17592186044416.0;    // 2^44
constexpr double kLargestTerm = 1125899906842624.0;  // 2^50

void MergeChannels(ValueStatistics& to, const ValueStatistics& from) {
  if (to.count == 0) {
    to.channel_minimum = from.channel_minimum;
    to.channel_maximum = from.channel_maximum;
    to.channel_sum = from.channel_sum;
    to.channel_count = from.channel_count;
    return;
  }
  const size_t channels = from.channel_sum.size();
  if (to.channel_sum.size() != channels) {
    to.channel_minimum.clear();
    to.channel_maximum.clear();
    to.channel_sum.clear();
    to.channel_count = 0;
    return;
  }
  for (size_t c = 0; c < channels; ++c) {
    to.channel_minimum[c] =
        std::min(to.channel_minimum[c], from.channel_minimum[c]);
    to.channel_maximum[c] =
        std::max(to.channel_maximum[c], from.channel_maximum[c]);
    // No samples add up to so much, but a table may claim to.
    if (__int128 sum = 0; __builtin_add_overflow(
            to.channel_sum[c].units, from.channel_sum[c].units, &sum)) {
      Fail(ErrorCode::kInvalidArgument, "the sums of channel {} overflow", c);
    }
    to.channel_sum[c].Merge(from.channel_sum[c]);
  }
  to.channel_count += from.channel_count;
}

}  // namespace

void ExactSum::Add(double value) {
  if (std::isnan(value)) return;
  value = std::clamp(value, -kLargestTerm, kLargestTerm);
  units += static_cast<__int128>(std::nearbyint(value * kUnitsPerOne));
}

double ExactSum::value() const {
  return static_cast<double>(units) / kUnitsPerOne;
}

void ValueStatistics::Merge(const ValueStatistics& other) {
  if (other.count == 0) return;
  if (count > 0 && channel_axis != other.channel_axis) {
    Fail(ErrorCode::kInvalidArgument,
         "statistics were kept along axis {} here and {} there", channel_axis,
         other.channel_axis);
  }
  channel_axis = other.channel_axis;
  MergeChannels(*this, other);
  if (finite() == 0) {
    minimum = other.minimum;
    maximum = other.maximum;
  } else if (other.finite() > 0) {
    minimum = std::min(minimum, other.minimum);
    maximum = std::max(maximum, other.maximum);
  }
  for (const auto& [block, range] : other.blocks) {
    auto& mine = blocks.try_emplace(block, range).first->second;
    mine.first = std::min(mine.first, range.first);
    mine.second = std::max(mine.second, range.second);
  }
  count += other.count;
  nans += other.nans;
  infinities += other.infinities;
  histogram.Merge(other.histogram);
}

void Calibration::Merge(const Calibration& other) {
  if (model_hash != other.model_hash) {
    Fail(ErrorCode::kInvalidArgument,
         "the calibrations are of two models, {} and {}", model_hash,
         other.model_hash);
  }
  for (const auto& [index, hash] : other.samples) {
    if (samples.contains(index)) {
      Fail(ErrorCode::kInvalidArgument,
           "sample {} was calibrated on in both tables", index);
    }
  }
  const auto name = [](const auto& entry) { return entry.first; };
  if (!std::ranges::equal(values, other.values, {}, name, name)) {
    Fail(ErrorCode::kInvalidArgument,
         "the calibrations observed different values ({} and {})",
         values.size(), other.values.size());
  }
  for (auto& [key, statistics] : values) {
    statistics.Merge(other.values.at(key));
  }
  samples.insert(other.samples.begin(), other.samples.end());
}

}  // namespace squint
