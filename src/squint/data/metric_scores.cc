#include "squint/data/metric_scores.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace squint {
namespace {

const Tensor& ScoredOutput(const std::vector<Tensor>& outputs,
                           const MetricOptions& options) {
  if (options.output < 0 ||
      options.output >= static_cast<int>(outputs.size())) {
    Fail(ErrorCode::kInvalidArgument,
         "the metric scores output {}, the model has {} outputs",
         options.output, outputs.size());
  }
  return outputs[static_cast<size_t>(options.output)];
}

float Reduced(const std::vector<float>& values, const std::string& reduction) {
  if (values.empty()) {
    Fail(ErrorCode::kInvalidArgument, "the scored output has no elements");
  }
  if (reduction == "max") return *std::ranges::max_element(values);
  if (reduction == "min") return *std::ranges::min_element(values);
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  if (reduction == "sum") return static_cast<float>(sum);
  return static_cast<float>(sum / static_cast<double>(values.size()));
}

// Moves axis 1 of [N,C,...] to the end.
std::vector<float> ClassesLast(const std::vector<float>& values, int64_t n,
                               int64_t c, int64_t inner) {
  std::vector<float> result(values.size());
  size_t out = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < inner; ++k) {
      for (int64_t j = 0; j < c; ++j) {
        result[out++] = values[static_cast<size_t>((i * c + j) * inner + k)];
      }
    }
  }
  return result;
}

}  // namespace

void FailAt(const Sample& sample, const std::string& text) {
  Fail(ErrorCode::kInvalidArgument, "sample {}: {}", sample.id, text);
}

std::vector<float> ScoredValues(const std::vector<Tensor>& outputs,
                                const MetricOptions& options) {
  std::vector<float> values = ScoredOutput(outputs, options).ToFloats();
  if (!options.reduction.empty()) {
    values = {Reduced(values, options.reduction)};
  }
  return values;
}

Scores ScoredRows(const std::vector<Tensor>& outputs,
                  const MetricOptions& options) {
  Scores scores;
  scores.values = ScoredValues(outputs, options);
  if (!options.reduction.empty()) return scores;
  const Dims& dims = ScoredOutput(outputs, options).dims();
  const size_t rank = dims.size();
  const bool classes_second =
      rank == 2 || rank >= 4 || (rank == 3 && dims[2] == 1);
  if (rank == 0) return scores;
  scores.classes = classes_second ? dims[1] : dims[rank - 1];
  if (scores.classes <= 0) {
    Fail(ErrorCode::kInvalidArgument, "the scored output has shape {}",
         DimsToString(dims));
  }
  scores.positions =
      static_cast<int64_t>(scores.values.size()) / scores.classes;
  if (classes_second && rank > 2 && scores.positions != dims[0]) {
    scores.values =
        ClassesLast(scores.values, dims[0], scores.classes,
                    scores.positions / std::max<int64_t>(dims[0], 1));
  }
  return scores;
}

int64_t ArgMax(std::span<const float> values) {
  size_t best = 0;
  float highest = -std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] > highest) {
      highest = values[i];
      best = i;
    }
  }
  return static_cast<int64_t>(best);
}

void ErrorSums::Add(const ErrorSums& sums) {
  own += sums.own;
  other += sums.other;
  cross += sums.cross;
  error += sums.error;
  count += sums.count;
}

ErrorSums SumsOf(const std::vector<float>& x, const std::vector<float>& y) {
  ErrorSums sums;
  sums.count = static_cast<int64_t>(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double a = x[i];
    const double b = y[i];
    sums.own += a * a;
    sums.other += b * b;
    sums.cross += a * b;
    sums.error += (a - b) * (a - b);
  }
  return sums;
}

double CosineOf(const ErrorSums& sums) {
  if (sums.own == 0 && sums.other == 0) return 1;
  const double norms = std::sqrt(sums.own) * std::sqrt(sums.other);
  return norms == 0 ? 0 : sums.cross / norms;
}

int64_t CheckedLabel(const Sample& sample, int64_t classes) {
  if (!sample.label) {
    FailAt(sample,
           "has no label, which the metric needs; give class subfolders, a "
           "labels file, or a dataset .json with labels");
  }
  if (*sample.label < 0 || *sample.label >= classes) {
    FailAt(sample, fmt::format("has label {}, the model gives {} classes",
                               *sample.label, classes));
  }
  return *sample.label;
}

}  // namespace squint
