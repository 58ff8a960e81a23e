// Metrics of order: they keep one score for each sample until the end.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "squint/data/metric_list.h"
#include "squint/data/metric_scores.h"

namespace squint {
namespace {

// Ranks from 1; equal values share the mean of their ranks.
std::vector<double> RanksOf(const std::vector<double>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) {
      ++end;
    }
    const double rank = static_cast<double>(begin + 1 + end) / 2;
    for (size_t i = begin; i < end; ++i) ranks[order[i]] = rank;
    begin = end;
  }
  return ranks;
}

// Pearson's correlation; 0 when one side is constant.
double Correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  const double mean_x = std::accumulate(x.begin(), x.end(), 0.0) / n;
  const double mean_y = std::accumulate(y.begin(), y.end(), 0.0) / n;
  double xx = 0;
  double yy = 0;
  double xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double a = x[i] - mean_x;
    const double b = y[i] - mean_y;
    xx += a * a;
    yy += b * b;
    xy += a * b;
  }
  return xx == 0 || yy == 0 ? 0 : xy / std::sqrt(xx * yy);
}

void CheckNumber(const Sample& sample, double value) {
  if (std::isnan(value)) FailAt(sample, "its score is NaN and has no rank");
}

// Rank correlation of the target score with the cosine of a pair's outputs
// (or, without pairs, with an output of one number).
class SpearmanMetric : public Metric {
 public:
  explicit SpearmanMetric(MetricOptions options)
      : options_(std::move(options)) {}

  void Add(const Observation& observation) override {
    const Sample& sample = observation.sample;
    if (sample.target.size() != 1 || sample.target.empty()) {
      FailAt(sample, "spearman needs one number as target");
    }
    const double score = ScoreOf(observation);
    CheckNumber(sample, score);
    scores_.push_back(score);
    targets_.push_back(sample.target.ToFloats()[0]);
  }

  MetricResult Result() const override {
    MetricResult result;
    result.name = "spearman";
    result.samples = static_cast<int64_t>(scores_.size());
    result.per_sample = scores_;
    if (!scores_.empty()) {
      result.value = Correlation(RanksOf(scores_), RanksOf(targets_));
    }
    return result;
  }

 private:
  double ScoreOf(const Observation& observation) const {
    const std::vector<float> own = ScoredValues(observation.outputs, options_);
    if (observation.second != nullptr) {
      const auto other = ScoredValues(*observation.second, options_);
      if (own.size() != other.size()) {
        FailAt(observation.sample, "the outputs of the pair differ in size");
      }
      return CosineOf(SumsOf(own, other));
    }
    if (own.size() != 1) {
      FailAt(observation.sample,
             "spearman needs pairs, or an output (or reduction) of one number");
    }
    return own[0];
  }

  MetricOptions options_;
  std::vector<double> scores_;
  std::vector<double> targets_;
};

// Area under the ROC curve: how often a positive (label 1) scores higher
// than a negative (label 0), ties counting half, by the rank sum
// (Mann-Whitney): (R1 - n1 (n1 + 1) / 2) / (n0 n1).
class AucMetric : public Metric {
 public:
  explicit AucMetric(MetricOptions options) : options_(std::move(options)) {}

  void Add(const Observation& observation) override {
    const Sample& sample = observation.sample;
    labels_.push_back(CheckedLabel(sample, 2));
    const std::vector<float> own = ScoredValues(observation.outputs, options_);
    double score = own.empty() ? 0 : own[0];
    if (own.size() == 2) {
      score = static_cast<double>(own[1]) - own[0];
    } else if (own.size() != 1) {
      FailAt(sample, fmt::format("auc needs a score of one number (or two "
                                 "classes), the output has {}; declare a "
                                 "reduction such as max",
                                 own.size()));
    }
    CheckNumber(sample, score);
    scores_.push_back(score);
  }

  MetricResult Result() const override {
    MetricResult result;
    result.name = "auc";
    result.samples = static_cast<int64_t>(scores_.size());
    result.per_sample = scores_;
    const std::vector<double> ranks = RanksOf(scores_);
    double rank_sum = 0;
    double positives = 0;
    for (size_t i = 0; i < ranks.size(); ++i) {
      if (labels_[i] == 1) {
        rank_sum += ranks[i];
        positives += 1;
      }
    }
    const double negatives = static_cast<double>(ranks.size()) - positives;
    // One kind alone has no order to get wrong: chance.
    result.value = positives == 0 || negatives == 0
                       ? 0.5
                       : (rank_sum - positives * (positives + 1) / 2) /
                             (positives * negatives);
    return result;
  }
  bool needs_labels() const override { return true; }

 private:
  MetricOptions options_;
  std::vector<double> scores_;
  std::vector<int64_t> labels_;
};

}  // namespace

std::unique_ptr<Metric> MakeSpearman(const MetricOptions& options) {
  return std::make_unique<SpearmanMetric>(options);
}
std::unique_ptr<Metric> MakeAuc(const MetricOptions& options) {
  return std::make_unique<AucMetric>(options);
}

}  // namespace squint
