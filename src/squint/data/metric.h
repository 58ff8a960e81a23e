// Metrics over outputs and targets. Streaming: one sample at a time, state
// small except where the metric needs all scores (ranks).
#ifndef SQUINT_DATA_METRIC_H_
#define SQUINT_DATA_METRIC_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "squint/data/dataset.h"

namespace squint {

struct MetricResult {
  std::string name;
  double value = 0;
  int64_t samples = 0;
  bool higher_is_better = true;
  // Per sample score (0/1 for top1), for paired comparisons; may be empty.
  std::vector<double> per_sample;
};

class Metric {
 public:
  virtual ~Metric() = default;
  // `outputs` of the model under test for this sample; `second` those of the
  // pair's other half; `reference` the float model's (agreement, sqnr,
  // cosine, mse when the dataset has no targets).
  struct Observation {
    const Sample& sample;
    const std::vector<Tensor>& outputs;
    const std::vector<Tensor>* second = nullptr;
    const std::vector<Tensor>* reference = nullptr;
  };
  virtual void Add(const Observation& observation) = 0;
  virtual MetricResult Result() const = 0;
  virtual bool needs_reference() const { return false; }
  // Without targets the reference takes their place (mse, cosine).
  virtual bool reference_stands_in() const { return false; }
  // Labels and nothing else; where targets do as well Add() checks.
  virtual bool needs_labels() const { return false; }
};

struct MetricOptions {
  int output = 0;
  std::string reduction;  // "", "max", "mean", ... before the metric
};

// top1, top5, agreement: the share of samples; equal scores go to the lower
//   class. Integer targets are scored position by position.
// cross_entropy, perplexity: outputs are logits; targets below 0 are padding.
// mse: over all elements; cosine: mean over samples; sqnr: dB, of sums over
//   all samples, at most 200.
// spearman: ties averaged; auc: ties count half.
// Error{kInvalidArgument} lists the names.
std::unique_ptr<Metric> MakeMetric(std::string_view name,
                                   const MetricOptions& options = {});
std::vector<std::string_view> MetricNames();

}  // namespace squint

#endif  // SQUINT_DATA_METRIC_H_
