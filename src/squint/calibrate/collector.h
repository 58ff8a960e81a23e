// Adds tensors to a value's statistics, on all threads, and from any number of
// them at once. The result depends on the tensors alone: counts, extremes and
// exact sums do not care for order, and each channel's run or column is summed
// by one thread from front to back.
#ifndef SQUINT_CALIBRATE_COLLECTOR_H_
#define SQUINT_CALIBRATE_COLLECTOR_H_

#include <array>
#include <memory>
#include <mutex>
#include <vector>

#include "squint/base/threads.h"
#include "squint/calibrate/calibration.h"
#include "squint/calibrate/run_summary.h"

namespace squint {

class Collector {
 public:
  // One sample's float32 `tensor`, with channels along `axis` (-1: none), is
  // added to `statistics`.
  void Add(const Tensor& tensor, int axis, int64_t sample, ThreadPool& pool,
           ValueStatistics& statistics);

 private:
  // Adds the bins of all finite elements; returns how many were not.
  uint64_t CountBins(std::span<const float> values, ThreadPool& pool,
                     ValueStatistics& statistics);

  // Held while something is added to these statistics, or to some others.
  std::mutex& MutexOf(const ValueStatistics& statistics);

  std::array<std::mutex, 16> of_statistics_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<DenseHistogram>> tables_;  // not in use
};

}  // namespace squint

#endif  // SQUINT_CALIBRATE_COLLECTOR_H_
