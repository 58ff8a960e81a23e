// Statistics of a float network's values over samples. One pass collects all
// that any observer needs; the observer is chosen afterwards, when ranges are
// read. Everything is a count, a minimum, a maximum or an exact sum, so that
// merging shards is exact and order never matters.
#ifndef SQUINT_CALIBRATE_CALIBRATION_H_
#define SQUINT_CALIBRATE_CALIBRATION_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "squint/base/context.h"
#include "squint/data/dataset.h"
#include "squint/graph/graph.h"

namespace squint {

// Counts of values by the upper 16 bits of their float32 form: sign,
// exponent, 7 mantissa bits. Universal: no range need be known before, and
// histograms of any two shards add up exactly.
struct Histogram {
  std::vector<uint64_t> counts;  // 65536, or empty
  void Add(std::span<const float> values);
  void Merge(const Histogram& other);
  uint64_t total() const;
  // Bounds of bin b in real numbers, low < high (sign handled).
  static float BinLow(uint32_t bin);
  static float BinHigh(uint32_t bin);
};

// Exact sum of doubles in 128-bit fixed point (2^-44 units); addition is
// associative, so order and merging never change a bit.
struct ExactSum {
  __int128 units = 0;
  void Add(double value);
  void Merge(const ExactSum& other) { units += other.units; }
  double value() const;
};

struct ValueStatistics {
  uint64_t count = 0;   // elements seen
  uint64_t nans = 0;
  uint64_t infinities = 0;
  float minimum = 0;    // over finite elements; 0,0 when none
  float maximum = 0;
  Histogram histogram;  // finite elements
  // Along the value's channel axis (1 for rank 3 and up, else the last);
  // empty when the channel count varies or exceeds 65536.
  int channel_axis = -1;
  std::vector<float> channel_minimum;
  std::vector<float> channel_maximum;
  std::vector<ExactSum> channel_sum;
  uint64_t channel_count = 0;  // elements per channel
  // moving_average: minimum and maximum of every sample, by sample index.
  std::map<int64_t, std::pair<float, float>> per_sample;
};

struct Calibration {
  std::string model_hash;  // content hash of the float model's file
  std::map<int64_t, std::string> samples;  // index -> content hash
  std::map<std::string, ValueStatistics, std::less<>> values;  // by name

  // Union. Error{kInvalidArgument}: other model, or a sample twice.
  void Merge(const Calibration& other);
};

Calibration ReadCalibration(const std::filesystem::path& path);
void WriteCalibration(const std::filesystem::path& path,
                      const Calibration& calibration);

struct CalibrateOptions {
  std::vector<int64_t> samples;  // indices; which ones is the caller's choice
  // Values to observe; empty: every float value of the graph that a node
  // makes or an input brings.
  std::vector<ValueId> values;
  // Where an interrupted run keeps its state and resumes; "" = nowhere.
  std::filesystem::path resume;
};

// Runs the float graph (shapes inferred, optimized) over the samples.
Calibration Calibrate(const Graph& graph, const Dataset& dataset,
                      const CalibrateOptions& options,
                      const Context& context = {});

// ---- from statistics to a range

struct Range {
  double low = 0;
  double high = 0;
};
struct ObserverOptions {
  DType dtype = DType::kUint8;
  bool symmetric = false;
  double percentile = 99.999;
  double averaging_constant = 0.01;
};
// An observer: name, one-line summary, source, and the choice.
struct ObserverDef {
  std::string_view name;  // min_max, moving_average, percentile, entropy, mse
  std::string_view summary;
  std::string_view source;
  Range (*choose)(const ValueStatistics&, const ObserverOptions&);
};
const ObserverDef* FindObserver(std::string_view name);
std::span<const ObserverDef* const> AllObservers();

}  // namespace squint

#endif  // SQUINT_CALIBRATE_CALIBRATION_H_
