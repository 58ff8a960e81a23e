// Metrics that measure how far outputs are from a target or from the float
// model's outputs. Sums are kept in double over all elements of all samples.
#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/data/metric_list.h"
#include "squint/data/metric_scores.h"

namespace squint {
namespace {

double MeanSquaredError(const ErrorSums& sums) {
  return sums.count == 0 ? 0 : sums.error / static_cast<double>(sums.count);
}

// Signal to quantization noise in dB, between -200 and 200 (no noise), so
// that it stays a number in JSON.
double SqnrOf(const ErrorSums& sums) {
  constexpr double kLimit = 200;
  if (sums.error == 0) return kLimit;
  if (sums.other == 0) return -kLimit;
  const double db = 10 * std::log10(sums.other / sums.error);
  return std::min(std::max(db, -kLimit), kLimit);
}

struct Distance {
  const char* name;
  double (*of)(const ErrorSums& sums);
  bool higher_is_better;
  bool mean_of_samples;  // else of the sums over all samples
  bool takes_target;     // else only the float model's outputs
};

class DistanceMetric : public Metric {
 public:
  DistanceMetric(const Distance& distance, MetricOptions options)
      : distance_(distance), options_(std::move(options)) {}

  void Add(const Observation& observation) override {
    const std::vector<float> own = ScoredValues(observation.outputs, options_);
    const std::vector<float> other = OtherOf(observation);
    if (own.size() != other.size()) {
      FailAt(observation.sample,
             fmt::format("{}: the output has {} elements, what it is compared "
                         "with {}",
                         distance_.name, own.size(), other.size()));
    }
    const ErrorSums sums = SumsOf(own, other);
    sums_.Add(sums);
    per_sample_.push_back(distance_.of(sums));
  }

  MetricResult Result() const override {
    MetricResult result;
    result.name = distance_.name;
    result.samples = static_cast<int64_t>(per_sample_.size());
    result.higher_is_better = distance_.higher_is_better;
    result.per_sample = per_sample_;
    result.value = distance_.of(sums_);
    if (distance_.mean_of_samples) {
      result.value = 0;
      for (const double each : per_sample_) {
        result.value += each / static_cast<double>(per_sample_.size());
      }
    }
    return result;
  }

  bool needs_reference() const override { return !distance_.takes_target; }
  bool reference_stands_in() const override { return true; }

 private:
  std::vector<float> OtherOf(const Observation& observation) const {
    const Sample& sample = observation.sample;
    if (distance_.takes_target && !sample.target.empty()) {
      return sample.target.ToFloats();
    }
    if (observation.reference == nullptr) {
      FailAt(sample,
             fmt::format("{} needs {}the float model's outputs", distance_.name,
                         distance_.takes_target ? "a target or " : ""));
    }
    return ScoredValues(*observation.reference, options_);
  }

  const Distance& distance_;
  MetricOptions options_;
  ErrorSums sums_;
  std::vector<double> per_sample_;
};

constexpr Distance kMse = {"mse", MeanSquaredError, false, false, true};
constexpr Distance kCosine = {"cosine", CosineOf, true, true, true};
constexpr Distance kSqnr = {"sqnr", SqnrOf, true, false, false};

}  // namespace

std::unique_ptr<Metric> MakeMse(const MetricOptions& options) {
  return std::make_unique<DistanceMetric>(kMse, options);
}
std::unique_ptr<Metric> MakeCosine(const MetricOptions& options) {
  return std::make_unique<DistanceMetric>(kCosine, options);
}
std::unique_ptr<Metric> MakeSqnr(const MetricOptions& options) {
  return std::make_unique<DistanceMetric>(kSqnr, options);
}

}  // namespace squint
