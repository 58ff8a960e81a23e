// How many samples go through a network at once. Where runs are short, whole
// samples keep the threads busier than the parts of one do; what they need at
// once stays below the memory limit.
#ifndef SQUINT_DATA_SIDE_BY_SIDE_H_
#define SQUINT_DATA_SIDE_BY_SIDE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "squint/data/dataset.h"

namespace squint {

class SideBySide {
 public:
  // `short_run`: seconds of a run on all threads, below which several go at
  // once.
  SideBySide(double short_run, int threads, size_t memory_limit)
      : short_run_(short_run), threads_(threads), memory_limit_(memory_limit) {}

  // How many samples to take next.
  size_t count() const;
  // Whether these may run at once: none is much larger than the one that was
  // measured.
  bool Allows(std::span<const Sample> samples) const;
  // A sample has run alone, with so many bytes of its own.
  void RanAlone(const Sample& sample, double seconds, size_t bytes);

 private:
  double short_run_;
  int threads_;
  size_t memory_limit_;
  int64_t runs_ = 0;
  // Of the last run.
  bool is_short_ = false;
  size_t bytes_ = 0;
  size_t input_bytes_ = 0;
};

// Up to `count` samples; none at the end. `check`: may throw, for each as it
// comes.
std::vector<Sample> NextSamples(
    SampleStream& stream, size_t count,
    const std::function<void(const Sample&)>& check = [](const Sample&) {});

}  // namespace squint

#endif  // SQUINT_DATA_SIDE_BY_SIDE_H_
