#include "squint/data/side_by_side.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace squint {
namespace {

size_t InputBytes(const Sample& sample) {
  size_t bytes = 0;
  for (const Tensor& input : sample.inputs) bytes += input.bytes();
  return bytes;
}

}  // namespace

size_t SideBySide::count() const {
  if (!is_short_) return 1;
  const auto threads = static_cast<size_t>(threads_);
  const size_t fit = memory_limit_ / std::max<size_t>(1, bytes_);
  return threads <= fit ? 2 * threads : std::max<size_t>(1, fit);
}

bool SideBySide::Allows(std::span<const Sample> samples) const {
  return is_short_ && std::ranges::none_of(samples, [&](const Sample& sample) {
           return InputBytes(sample) > 2 * input_bytes_;
         });
}

void SideBySide::RanAlone(const Sample& sample, double seconds, size_t bytes) {
  bytes_ = bytes;
  input_bytes_ = InputBytes(sample);
  // The first run also packs weights.
  is_short_ = threads_ > 1 && runs_++ > 0 && seconds < short_run_;
}

std::vector<Sample> NextSamples(
    SampleStream& stream, size_t count,
    const std::function<void(const Sample&)>& check) {
  std::vector<Sample> samples;
  while (samples.size() < count) {
    std::optional<Sample> sample = stream.Next();
    if (!sample) break;
    check(*sample);
    samples.push_back(*std::move(sample));
  }
  return samples;
}

}  // namespace squint
