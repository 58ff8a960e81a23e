#include "squint/calibrate/run_summary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace squint {
namespace {

constexpr size_t kSumLanes = 8;

uint32_t BitsOfFloat(const float* value) {
  uint32_t bits;
  std::memcpy(&bits, value, sizeof(bits));
  return bits;
}

}  // namespace

void Summary::Merge(const Summary& other) {
  low = std::min(low, other.low);
  high = std::max(high, other.high);
  sum += other.sum;
}

Summary Summarize(const float* values, size_t count) {
  float low[kSumLanes];
  float high[kSumLanes];
  double sum[kSumLanes];
  std::fill_n(low, kSumLanes, std::numeric_limits<float>::infinity());
  std::fill_n(high, kSumLanes, -std::numeric_limits<float>::infinity());
  std::fill_n(sum, kSumLanes, 0.0);
  size_t i = 0;
  for (; i + kSumLanes <= count; i += kSumLanes) {
    for (size_t k = 0; k < kSumLanes; ++k) {
      const float v = values[i + k];
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
      sum[k] += static_cast<double>(v);
    }
  }
  Summary result;
  for (; i < count; ++i) {
    result.Merge({values[i], values[i], static_cast<double>(values[i])});
  }
  for (size_t k = 0; k < kSumLanes; ++k) {
    result.Merge({low[k], high[k], sum[k]});
  }
  // -0 and 0 compare equal: which one is met first must not show.
  result.low += 0.0f;
  result.high += 0.0f;
  return result;
}

Summary SummarizeFinite(const float* values, size_t count) {
  Summary result;
  for (size_t i = 0; i < count; ++i) {
    const float v = values[i] + 0.0f;
    if (std::isfinite(v)) result.Merge({v, v, static_cast<double>(v)});
  }
  return result;
}

void DenseHistogram::Add(const float* values, size_t count) {
  uint32_t* counts = counts_.data();
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) {
      ++counts[(BitsOfFloat(values + i + k) >> 16) * kLanes + k];
    }
  }
  for (; i < count; ++i) ++counts[(BitsOfFloat(values + i) >> 16) * kLanes];
}

bool DenseHistogram::PageIsEmpty(uint32_t number) const {
  const uint32_t* page =
      counts_.data() + size_t{number} * Histogram::kPageBins * kLanes;
  uint32_t any = 0;
  for (size_t i = 0; i < Histogram::kPageBins * kLanes; ++i) any |= page[i];
  return any == 0;
}

uint64_t DenseHistogram::FlushInto(Histogram& histogram) {
  uint64_t left_out = 0;
  constexpr uint32_t kPages = Histogram::kBins / Histogram::kPageBins;
  for (uint32_t number = 0; number < kPages; ++number) {
    if (PageIsEmpty(number)) continue;
    const bool finite = number % (kPages / 2) != kPages / 2 - 1;
    uint32_t* counts =
        counts_.data() + size_t{number} * Histogram::kPageBins * kLanes;
    Histogram::Page* page = finite ? &histogram.page(number) : nullptr;
    for (size_t i = 0; i < Histogram::kPageBins; ++i) {
      uint64_t sum = 0;
      for (size_t k = 0; k < kLanes; ++k) sum += counts[i * kLanes + k];
      (finite ? (*page)[i] : left_out) += sum;
    }
    std::fill_n(counts, Histogram::kPageBins * kLanes, 0);
  }
  return left_out;
}

}  // namespace squint
