#include <algorithm>
#include <bit>
#include <limits>

#include "squint/calibrate/calibration.h"

namespace squint {
namespace {

constexpr uint32_t kSign = 0x8000;

// The lower bound of a magnitude; the bin after the last finite one starts
// at infinity, for which the largest float stands.
float Magnitude(uint32_t bin) {
  if (bin >= 0x7F80) return std::numeric_limits<float>::max();
  return std::bit_cast<float>(bin << 16);
}

}  // namespace

uint32_t Histogram::BinOf(float value) {
  return std::bit_cast<uint32_t>(value) >> 16;
}

float Histogram::BinLow(uint32_t bin) {
  const uint32_t magnitude = bin & ~kSign;
  return (bin & kSign) ? -Magnitude(magnitude + 1) : Magnitude(magnitude);
}

float Histogram::BinHigh(uint32_t bin) {
  const uint32_t magnitude = bin & ~kSign;
  return (bin & kSign) ? -Magnitude(magnitude) : Magnitude(magnitude + 1);
}

Histogram::Page& Histogram::page(uint32_t number) { return pages_[number]; }

void Histogram::Add(std::span<const float> values) {
  for (const float value : values) AddCount(BinOf(value), 1);
}

void Histogram::AddCount(uint32_t bin, uint64_t count) {
  if (count > 0) pages_[bin / kPageBins][bin % kPageBins] += count;
}

void Histogram::Merge(const Histogram& other) {
  for (const auto& [number, from] : other.pages_) {
    Page& to = pages_[number];
    for (size_t i = 0; i < kPageBins; ++i) to[i] += from[i];
  }
}

uint64_t Histogram::total() const {
  uint64_t sum = 0;
  for (const auto& [number, counts] : pages_) {
    for (const uint64_t count : counts) sum += count;
  }
  return sum;
}

uint64_t Histogram::count(uint32_t bin) const {
  const auto it = pages_.find(bin / kPageBins);
  return it == pages_.end() ? 0 : it->second[bin % kPageBins];
}

std::vector<Histogram::Bin> Histogram::Occupied() const {
  std::vector<Bin> bins;
  for (const auto& [number, counts] : pages_) {
    for (uint32_t i = 0; i < kPageBins; ++i) {
      if (counts[i] > 0) bins.push_back({number * kPageBins + i, counts[i]});
    }
  }
  // Bit patterns rise with the magnitude: the negative half is reversed.
  const auto negative = std::ranges::find_if(
      bins, [](const Bin& bin) { return (bin.bin & kSign) != 0; });
  std::reverse(negative, bins.end());
  std::rotate(bins.begin(), negative, bins.end());
  return bins;
}

}  // namespace squint
