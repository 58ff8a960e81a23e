#include "squint/calibrate/collector.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace squint {
namespace {

constexpr size_t kGrain = 1 << 14;       // elements a thread takes at once
constexpr size_t kColumns = 32;          // of channels that lie side by side
constexpr int64_t kMaxChannels = 65536;  // statistics kept per channel

// Where the channels lie: [outer, channels, inner].
struct Layout {
  size_t outer = 1;
  size_t channels = 1;
  size_t inner = 1;
  bool per_channel = false;
};

Layout LayoutOf(const Tensor& tensor, int axis) {
  const std::span<const int64_t> dims = tensor.dims();
  const auto at = static_cast<size_t>(std::max(axis, 0));
  if (axis < 0 || at >= dims.size() || dims[at] > kMaxChannels) {
    return {.inner = static_cast<size_t>(tensor.size())};
  }
  return {.outer = static_cast<size_t>(ElementCount(dims.first(at))),
          .channels = static_cast<size_t>(dims[at]),
          .inner = static_cast<size_t>(ElementCount(dims.subspan(at + 1))),
          .per_channel = true};
}

// One channel's summary and its sum, exact over the runs that it has.
struct ChannelSummary {
  Summary extremes;
  ExactSum sum;

  void Add(const Summary& run) {
    extremes.Merge(run);
    sum.Add(run.sum);
  }
};

// Channels whose elements lie in runs of `inner`, as in N,C,H,W.
std::vector<ChannelSummary> SummarizeRuns(const float* values,
                                          const Layout& layout, bool finite,
                                          ThreadPool& pool) {
  std::vector<Summary> runs(layout.outer * layout.channels);
  pool.ParallelFor(runs.size(), std::max<size_t>(1, kGrain / layout.inner),
                   [&](size_t begin, size_t end) {
                     for (size_t r = begin; r < end; ++r) {
                       const float* run = values + r * layout.inner;
                       runs[r] = finite ? Summarize(run, layout.inner)
                                        : SummarizeFinite(run, layout.inner, 1);
                     }
                   });
  std::vector<ChannelSummary> channels(layout.channels);
  for (size_t r = 0; r < runs.size(); ++r) {
    channels[r % layout.channels].Add(runs[r]);
  }
  return channels;
}

// Channels [begin, end) of rows in which the channels lie side by side.
void SummarizeColumnBlock(const float* values, const Layout& layout,
                          bool finite, size_t begin, size_t end,
                          ChannelSummary* channels) {
  size_t c = begin;
  for (; finite && c + kLanes <= end; c += kLanes) {
    const auto lanes =
        SummarizeLanes(values + c, layout.outer, layout.channels);
    for (size_t k = 0; k < kLanes; ++k) channels[c + k].Add(lanes[k]);
  }
  for (; c < end; ++c) {
    channels[c].Add(SummarizeFinite(values + c, layout.outer, layout.channels));
  }
}

std::vector<ChannelSummary> SummarizeColumns(const float* values,
                                             const Layout& layout, bool finite,
                                             ThreadPool& pool) {
  std::vector<ChannelSummary> channels(layout.channels);
  pool.ParallelFor(layout.channels, kColumns, [&](size_t begin, size_t end) {
    SummarizeColumnBlock(values, layout, finite, begin, end, channels.data());
  });
  return channels;
}

// The tensor's own statistics, but for the histogram.
ValueStatistics StatisticsOf(const std::vector<ChannelSummary>& channels,
                             const Layout& layout) {
  ValueStatistics result;
  Summary whole;
  for (const ChannelSummary& channel : channels) {
    whole.Merge(channel.extremes);
    if (!layout.per_channel) continue;
    result.channel_minimum.push_back(channel.extremes.low);
    result.channel_maximum.push_back(channel.extremes.high);
    result.channel_sum.push_back(channel.sum);
  }
  if (whole.low <= whole.high) {
    result.minimum = whole.low;
    result.maximum = whole.high;
  }
  result.count = layout.outer * layout.channels * layout.inner;
  if (layout.per_channel) result.channel_count = layout.outer * layout.inner;
  return result;
}

void CountNonFinite(std::span<const float> values, ValueStatistics& result) {
  for (const float value : values) {
    result.nans += std::isnan(value);
    result.infinities += std::isinf(value);
  }
}

}  // namespace

void Collector::Add(const Tensor& tensor, int axis, int64_t sample,
                    ThreadPool& pool, ValueStatistics& statistics) {
  const std::span<const float> values = tensor.values<float>();
  if (values.empty()) return;
  const Layout layout = LayoutOf(tensor, axis);
  const bool finite = CountBins(values, pool, statistics) == 0;
  const auto summarize = layout.inner == 1 ? SummarizeColumns : SummarizeRuns;
  ValueStatistics added =
      StatisticsOf(summarize(values.data(), layout, finite, pool), layout);
  added.channel_axis = axis;
  if (!finite) CountNonFinite(values, added);
  if (added.finite() > 0) {
    added.blocks[sample / ValueStatistics::kBlockSamples] = {added.minimum,
                                                             added.maximum};
  }
  const std::lock_guard lock(MutexOf(statistics));
  statistics.Merge(added);
}

std::mutex& Collector::MutexOf(const ValueStatistics& statistics) {
  const auto address = reinterpret_cast<uintptr_t>(&statistics);
  return of_statistics_[address / sizeof(ValueStatistics) %
                        of_statistics_.size()];
}

uint64_t Collector::CountBins(std::span<const float> values, ThreadPool& pool,
                              ValueStatistics& statistics) {
  std::vector<std::unique_ptr<DenseHistogram>> used;
  const auto borrow = [&] {
    const std::lock_guard lock(mutex_);
    // Ranges that one thread takes after another share a table.
    auto& free = used.empty() ? tables_ : used;
    if (free.empty()) return std::make_unique<DenseHistogram>();
    auto table = std::move(free.back());
    free.pop_back();
    return table;
  };
  // One range per thread, since flushing a table costs as much as counting
  // some ten thousand elements.
  const size_t threads = static_cast<size_t>(pool.threads());
  const size_t share = (values.size() + threads - 1) / threads;
  pool.ParallelFor(values.size(), std::max(kGrain, share),
                   [&](size_t begin, size_t end) {
                     auto table = borrow();
                     table->Add(values.data() + begin, end - begin);
                     const std::lock_guard lock(mutex_);
                     used.push_back(std::move(table));
                   });
  uint64_t left_out = 0;
  {
    const std::lock_guard lock(MutexOf(statistics));
    for (auto& table : used) {
      left_out += table->FlushInto(statistics.histogram);
    }
  }
  const std::lock_guard lock(mutex_);
  std::ranges::move(used, std::back_inserter(tables_));
  return left_out;
}

}  // namespace squint
