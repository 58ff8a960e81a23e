#include "squint/calibrate/run_summary.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace squint {
void Summary::Merge(const Summary& other) {
  low = std::min(low, other.low);
  high = std::max(high, other.high);
  sum += other.sum;
}

// Written so that gcc -O2 keeps each array in vector registers.
std::array<Summary, kLanes> SummarizeLanes(const float* values, size_t rows,
                                           size_t stride) {
  float low[kLanes];
  float high[kLanes];
  double sum[kLanes];
  std::fill_n(low, kLanes, std::numeric_limits<float>::infinity());
  std::fill_n(high, kLanes, -std::numeric_limits<float>::infinity());
  std::fill_n(sum, kLanes, 0.0);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t k = 0; k < kLanes; ++k) {
      const float v = values[row * stride + k];
      low[k] = v < low[k] ? v : low[k];
      high[k] = v > high[k] ? v : high[k];
      sum[k] += static_cast<double>(v);
    }
  }
  std::array<Summary, kLanes> result;
  for (size_t k = 0; k < kLanes; ++k) {
    // -0 and 0 compare equal: which one is met first must not show.
    result[k] = {low[k] + 0.0f, high[k] + 0.0f, sum[k]};
  }
  return result;
}

Summary Summarize(const float* values, size_t count) {
  const size_t rows = count / kLanes;
  Summary result = SummarizeFinite(values + rows * kLanes, count % kLanes, 1);
  for (const Summary& lane : SummarizeLanes(values, rows, kLanes)) {
    result.Merge(lane);
  }
  return result;
}

Summary SummarizeFinite(const float* values, size_t count, size_t stride) {
  Summary result;
  for (size_t i = 0; i < count; ++i) {
    const float v = values[i * stride] + 0.0f;
    if (std::isfinite(v)) result.Merge({v, v, static_cast<double>(v)});
  }
  return result;
}

void DenseHistogram::Add(const float* values, size_t count) {
  uint32_t* counts = counts_.data();
  uint64_t touched = 0;
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (size_t k = 0; k < 4; k += 2) {
      uint64_t pair;
      std::memcpy(&pair, values + i + k, sizeof(pair));
      ++counts[(pair >> 16 & 0xFFFF) * kCounters];
      ++counts[(pair >> 48) * kCounters + 1];
      touched |= uint64_t{1} << (pair >> 26 & 63) | uint64_t{1} << (pair >> 58);
    }
  }
  for (; i < count; ++i) {
    const uint32_t bin = Histogram::BinOf(values[i]);
    ++counts[bin * kCounters];
    touched |= uint64_t{1} << (bin >> 10);
  }
  touched_ |= touched;
}

bool DenseHistogram::PageIsEmpty(uint32_t number) const {
  const uint32_t* page =
      counts_.data() + size_t{number} * Histogram::kPageBins * kCounters;
  uint32_t any = 0;
  for (size_t i = 0; i < Histogram::kPageBins * kCounters; ++i) any |= page[i];
  return any == 0;
}

uint64_t DenseHistogram::FlushPage(uint32_t number, Histogram& histogram) {
  constexpr uint32_t kPages = Histogram::kBins / Histogram::kPageBins;
  const bool finite = number % (kPages / 2) != kPages / 2 - 1;
  uint32_t* counts =
      counts_.data() + size_t{number} * Histogram::kPageBins * kCounters;
  Histogram::Page* page = finite ? &histogram.page(number) : nullptr;
  uint64_t left_out = 0;
  for (size_t i = 0; i < Histogram::kPageBins; ++i) {
    uint64_t sum = 0;
    for (size_t k = 0; k < kCounters; ++k) sum += counts[i * kCounters + k];
    (finite ? (*page)[i] : left_out) += sum;
  }
  std::fill_n(counts, Histogram::kPageBins * kCounters, 0);
  return left_out;
}

uint64_t DenseHistogram::FlushInto(Histogram& histogram) {
  uint64_t left_out = 0;
  for (uint32_t group = 0; group < kGroups; ++group) {
    if (!(touched_ >> group & 1)) continue;
    for (uint32_t i = 0; i < kGroupPages; ++i) {
      const uint32_t number = group * kGroupPages + i;
      if (!PageIsEmpty(number)) left_out += FlushPage(number, histogram);
    }
  }
  touched_ = 0;
  return left_out;
}

}  // namespace squint
