// Statistics of a float network's values over samples. One pass collects all
// that any observer needs; the observer is chosen afterwards, when ranges are
// read. Everything is a count, a minimum, a maximum or an exact sum, so that
// merging shards is exact and order never matters. Memory depends on the
// network, not on the number of samples (but for 16 bytes a value and block
// of eight samples).
#ifndef SQUINT_CALIBRATE_CALIBRATION_H_
#define SQUINT_CALIBRATE_CALIBRATION_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "squint/base/context.h"
#include "squint/data/dataset.h"
#include "squint/graph/graph.h"

namespace squint {

// Counts of values by the upper 16 bits of their float32 form: sign,
// exponent, 7 mantissa bits. Universal: no range need be known before, and
// histograms of any two shards add up exactly. A bin is at most 1/128 of its
// values wide. Kept in pages of one sign and exponent, made when first used.
class Histogram {
 public:
  static constexpr uint32_t kBins = 65536;
  static constexpr uint32_t kPageBins = 128;
  using Page = std::array<uint64_t, kPageBins>;

  static uint32_t BinOf(float value);
  // Bounds of bin b in real numbers, low < high; the bins beside zero start
  // at zero. Only for bins of finite numbers.
  static float BinLow(uint32_t bin);
  static float BinHigh(uint32_t bin);

  void Add(std::span<const float> values);
  void AddCount(uint32_t bin, uint64_t count);
  void Merge(const Histogram& other);

  uint64_t total() const;
  uint64_t count(uint32_t bin) const;
  bool empty() const { return pages_.empty(); }

  struct Bin {
    uint32_t bin = 0;
    uint64_t count = 0;
    friend bool operator==(const Bin&, const Bin&) = default;
  };
  // The occupied bins, from the most negative values to the largest.
  std::vector<Bin> Occupied() const;
  // The pages by number, bin / kPageBins.
  Page& page(uint32_t number);

  friend bool operator==(const Histogram& a, const Histogram& b) {
    return a.Occupied() == b.Occupied();
  }

 private:
  std::map<uint32_t, Page> pages_;
};

// Exact sum of doubles in 128-bit fixed point (2^-44 units); addition is
// associative, so order and merging never change a bit. One term counts for
// at most 2^50 in magnitude (attention masks hold the largest float), which
// leaves room for 2^33 such terms.
struct ExactSum {
  __int128 units = 0;
  void Add(double value);
  void Merge(const ExactSum& other) { units += other.units; }
  double value() const;
  friend bool operator==(const ExactSum&, const ExactSum&) = default;
};

struct ValueStatistics {
  // moving_average forgets by blocks of this many sample indices.
  static constexpr int64_t kBlockSamples = 8;

  uint64_t count = 0;  // elements seen, of all kinds
  uint64_t nans = 0;
  uint64_t infinities = 0;
  float minimum = 0;  // over finite elements; 0,0 when none
  float maximum = 0;
  Histogram histogram;  // finite elements
  // Per channel along `channel_axis`, over finite elements (a channel that had
  // none: +inf, -inf, 0). Empty when the channel count varies or exceeds
  // 65536.
  int channel_axis = -1;
  std::vector<float> channel_minimum;
  std::vector<float> channel_maximum;
  std::vector<ExactSum> channel_sum;
  uint64_t channel_count = 0;  // elements per channel
  // moving_average: minimum and maximum of block index / kBlockSamples.
  std::map<int64_t, std::pair<float, float>> blocks;

  uint64_t finite() const { return count - nans - infinities; }
  double channel_mean(size_t channel) const {
    return channel_sum[channel].value() / static_cast<double>(channel_count);
  }
  // As if one pass had seen both's samples. Both must have the same axis.
  void Merge(const ValueStatistics& other);
  friend bool operator==(const ValueStatistics&,
                         const ValueStatistics&) = default;
};

struct Calibration {
  std::string model_hash;  // content hash of the float model's file
  std::map<int64_t, std::string> samples;  // index -> content hash
  // By name; of values in nested graphs by NestedValues::Names(), over all
  // trips of a loop.
  std::map<std::string, ValueStatistics, std::less<>> values;

  // Union. Error{kInvalidArgument}: other model, other values, or a sample
  // twice.
  void Merge(const Calibration& other);
  friend bool operator==(const Calibration&, const Calibration&) = default;
};

// JSON: format, version, tool version, hashes, statistics; exact both ways.
// Errors name the file.
Calibration ReadCalibration(const std::filesystem::path& path);
void WriteCalibration(const std::filesystem::path& path,
                      const Calibration& calibration);

// The axis whose channels a value's statistics are kept for. Who reads the
// value decides, then who makes it: convolutions, pools and normalizations
// over N,C,... say 1, MatMul, Gemm and LayerNormalization the last; else 1
// from rank 4 up and the last below. -1 for scalars and unknown ranks.
int ChannelAxis(const Graph& graph, const UseMap& uses, ValueId id);

struct CalibrateOptions {
  std::string model_hash;        // goes into the result
  std::vector<int64_t> samples;  // indices; which ones is the caller's choice
  // Values to observe, numbered as in NestedValues; empty: every float value
  // that a node makes or an input or a capture brings. A node's result that a
  // Relu or Clip reads is cheapest left out, for the two are then run as one.
  std::vector<ValueId> values;
  // Instead of ChannelAxis(), for the values named here.
  std::map<ValueId, int> channel_axes;
  // Where an interrupted run keeps its state and resumes; "" = nowhere. The
  // file is removed when the run is complete.
  std::filesystem::path resume;
  int64_t checkpoint_every = 64;  // samples
};

// Runs the float graph (shapes inferred, optimized) over the samples, one by
// one. NaN and Inf in values are counted, not refused: see
// ValueStatistics::nans. Errors name the sample.
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

// The rows, declared here so that their definitions have external linkage.
#define SQUINT_OBSERVER(name) extern const ObserverDef k##name##Observer;
#include "squint/calibrate/observer_list.inc"
#undef SQUINT_OBSERVER

}  // namespace squint

#endif  // SQUINT_CALIBRATE_CALIBRATION_H_
