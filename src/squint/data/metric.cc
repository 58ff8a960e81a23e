// The list of metrics by name.
#include "squint/data/metric.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "squint/data/metric_list.h"

namespace squint {
namespace {

struct MetricRow {
  std::string_view name;
  std::unique_ptr<Metric> (*make)(const MetricOptions& options);
};

constexpr MetricRow kMetrics[] = {
    {"top1", MakeTop1},
    {"top5", MakeTop5},
    {"agreement", MakeAgreement},
    {"cross_entropy", MakeCrossEntropy},
    {"perplexity", MakePerplexity},
    {"mse", MakeMse},
    {"cosine", MakeCosine},
    {"sqnr", MakeSqnr},
    {"spearman", MakeSpearman},
    {"auc", MakeAuc},
};

constexpr std::array<std::string_view, 5> kReductions = {"", "max", "min",
                                                         "mean", "sum"};

}  // namespace

std::unique_ptr<Metric> MakeMetric(std::string_view name,
                                   const MetricOptions& options) {
  if (std::ranges::find(kReductions, options.reduction) == kReductions.end()) {
    Fail(ErrorCode::kInvalidArgument,
         "no reduction '{}'; there are max, min, mean, sum", options.reduction);
  }
  for (const MetricRow& row : kMetrics) {
    if (row.name == name) return row.make(options);
  }
  Fail(ErrorCode::kInvalidArgument, "no metric '{}'; there are {}", name,
       fmt::join(MetricNames(), ", "));
}

std::vector<std::string_view> MetricNames() {
  std::vector<std::string_view> names;
  for (const MetricRow& row : kMetrics) names.push_back(row.name);
  return names;
}

}  // namespace squint
