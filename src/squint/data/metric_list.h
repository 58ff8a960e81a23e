// The makers behind MakeMetric, one for each file of metrics.
#ifndef SQUINT_DATA_METRIC_LIST_H_
#define SQUINT_DATA_METRIC_LIST_H_

#include <memory>

#include "squint/data/metric.h"

namespace squint {

// classification_metrics.cc
std::unique_ptr<Metric> MakeTop1(const MetricOptions& options);
std::unique_ptr<Metric> MakeTop5(const MetricOptions& options);
std::unique_ptr<Metric> MakeAgreement(const MetricOptions& options);
std::unique_ptr<Metric> MakeCrossEntropy(const MetricOptions& options);
std::unique_ptr<Metric> MakePerplexity(const MetricOptions& options);
// distance_metrics.cc
std::unique_ptr<Metric> MakeMse(const MetricOptions& options);
std::unique_ptr<Metric> MakeCosine(const MetricOptions& options);
std::unique_ptr<Metric> MakeSqnr(const MetricOptions& options);
// rank_metrics.cc
std::unique_ptr<Metric> MakeSpearman(const MetricOptions& options);
std::unique_ptr<Metric> MakeAuc(const MetricOptions& options);

}  // namespace squint

#endif  // SQUINT_DATA_METRIC_LIST_H_
