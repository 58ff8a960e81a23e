// Metrics that look at which class wins and how probable the right one is.
#include <algorithm>
#include <cmath>
#include <utility>

#include "squint/data/metric_list.h"
#include "squint/data/metric_scores.h"

namespace squint {
namespace {

// A mean over samples of one score each.
class MeanMetric : public Metric {
 public:
  MeanMetric(std::string name, MetricOptions options)
      : name_(std::move(name)), options_(std::move(options)) {}
  MetricResult Result() const override {
    MetricResult result;
    result.name = name_;
    result.samples = static_cast<int64_t>(per_sample_.size());
    double sum = 0;
    for (const double score : per_sample_) sum += score;
    if (result.samples > 0) {
      result.value = sum / static_cast<double>(result.samples);
    }
    result.per_sample = per_sample_;
    return result;
  }

 protected:
  std::string name_;
  MetricOptions options_;
  std::vector<double> per_sample_;
};

// The right class of each position: the label, or an integer target.
std::vector<int64_t> RightClasses(const Sample& sample, const Scores& scores) {
  if (!sample.target.empty() && !sample.label) {
    if (!IsInteger(sample.target.dtype()) ||
        sample.target.size() != scores.positions) {
      FailAt(sample,
             fmt::format("the metric needs {} class numbers as target, got {} "
                         "{}",
                         scores.positions, DTypeName(sample.target.dtype()),
                         DimsToString(sample.target.dims())));
    }
    std::vector<int64_t> right = sample.target.ToInts();
    for (const int64_t each : right) {
      if (each >= scores.classes) {
        FailAt(sample, fmt::format("has target {}, the model gives {} classes",
                                   each, scores.classes));
      }
    }
    return right;
  }
  if (sample.label && scores.positions != 1) {
    FailAt(sample, fmt::format("has one label, the output {} positions; "
                               "declare a reduction or another output",
                               scores.positions));
  }
  return {CheckedLabel(sample, scores.classes)};
}

// How many classes come before `right`: higher, or equal with lower index.
int64_t RankOf(std::span<const float> values, int64_t right) {
  const float own = values[static_cast<size_t>(right)];
  int64_t before = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
    const float value = values[static_cast<size_t>(i)];
    // A NaN of its own comes last of all.
    before += i != right && (value > own || (value == own && i < right) ||
                             (std::isnan(own) && !std::isnan(value)));
  }
  return before;
}

class TopKMetric : public MeanMetric {
 public:
  TopKMetric(int64_t k, const MetricOptions& options)
      : MeanMetric(fmt::format("top{}", k), options), k_(k) {}
  void Add(const Observation& observation) override {
    const Scores scores = ScoredRows(observation.outputs, options_);
    const auto right = RightClasses(observation.sample, scores);
    int64_t hits = 0;
    int64_t counted = 0;
    for (size_t i = 0; i < right.size(); ++i) {
      if (right[i] < 0) continue;  // padding
      ++counted;
      hits += RankOf(scores.Row(static_cast<int64_t>(i)), right[i]) < k_;
    }
    per_sample_.push_back(counted == 0 ? 0.0
                                       : static_cast<double>(hits) /
                                             static_cast<double>(counted));
  }

 private:
  int64_t k_;
};

// Whether the same class wins as in the reference, position by position. A
// single score (one class) counts by the side of 0.5 on which it lies.
class AgreementMetric : public MeanMetric {
 public:
  explicit AgreementMetric(const MetricOptions& options)
      : MeanMetric("agreement", options) {}
  void Add(const Observation& observation) override {
    const Sample& sample = observation.sample;
    if (observation.reference == nullptr) {
      FailAt(sample, "agreement needs the float model's outputs");
    }
    const Scores own = ScoredRows(observation.outputs, options_);
    const Scores other = ScoredRows(*observation.reference, options_);
    if (own.positions != other.positions || own.classes != other.classes) {
      FailAt(sample, "output and reference differ in shape");
    }
    int64_t same = 0;
    for (int64_t i = 0; i < own.positions; ++i) {
      same += Winner(own.Row(i)) == Winner(other.Row(i));
    }
    per_sample_.push_back(
        static_cast<double>(same) /
        static_cast<double>(std::max<int64_t>(own.positions, 1)));
  }
  bool needs_reference() const override { return true; }

 private:
  static int64_t Winner(std::span<const float> values) {
    return values.size() == 1 ? values[0] > 0.5f : ArgMax(values);
  }
};

double LogSumExp(std::span<const float> values) {
  const double highest = *std::ranges::max_element(values);
  double sum = 0;
  for (const float value : values) sum += std::exp(value - highest);
  return highest + std::log(sum);
}

// -log softmax(logits)[right], averaged over all positions of all samples;
// perplexity is its exponential. Targets below 0 are padding.
class CrossEntropyMetric : public Metric {
 public:
  CrossEntropyMetric(bool perplexity, MetricOptions options)
      : perplexity_(perplexity), options_(std::move(options)) {}

  void Add(const Observation& observation) override {
    const Scores scores = ScoredRows(observation.outputs, options_);
    const auto right = RightClasses(observation.sample, scores);
    double loss = 0;
    int64_t counted = 0;
    for (size_t i = 0; i < right.size(); ++i) {
      if (right[i] < 0) continue;
      const auto row = scores.Row(static_cast<int64_t>(i));
      loss += LogSumExp(row) - row[static_cast<size_t>(right[i])];
      ++counted;
    }
    loss_ += loss;
    positions_ += counted;
    per_sample_.push_back(counted == 0 ? 0.0
                                       : loss / static_cast<double>(counted));
  }

  MetricResult Result() const override {
    MetricResult result;
    result.name = perplexity_ ? "perplexity" : "cross_entropy";
    result.higher_is_better = false;
    result.samples = static_cast<int64_t>(per_sample_.size());
    result.per_sample = per_sample_;
    if (positions_ > 0) {
      const double mean = loss_ / static_cast<double>(positions_);
      result.value = perplexity_ ? std::exp(mean) : mean;
    }
    return result;
  }

 private:
  bool perplexity_;
  MetricOptions options_;
  double loss_ = 0;
  int64_t positions_ = 0;
  std::vector<double> per_sample_;
};

}  // namespace

std::unique_ptr<Metric> MakeTop1(const MetricOptions& options) {
  return std::make_unique<TopKMetric>(1, options);
}
std::unique_ptr<Metric> MakeTop5(const MetricOptions& options) {
  return std::make_unique<TopKMetric>(5, options);
}
std::unique_ptr<Metric> MakeAgreement(const MetricOptions& options) {
  return std::make_unique<AgreementMetric>(options);
}
std::unique_ptr<Metric> MakeCrossEntropy(const MetricOptions& options) {
  return std::make_unique<CrossEntropyMetric>(false, options);
}
std::unique_ptr<Metric> MakePerplexity(const MetricOptions& options) {
  return std::make_unique<CrossEntropyMetric>(true, options);
}

}  // namespace squint
