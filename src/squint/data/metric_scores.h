// What the metrics share: the scored output as reals, and its rows.
#ifndef SQUINT_DATA_METRIC_SCORES_H_
#define SQUINT_DATA_METRIC_SCORES_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "squint/data/metric.h"

namespace squint {

// A tensor's elements as floats, seen as positions x classes.
struct Scores {
  std::vector<float> values;
  int64_t positions = 1;
  int64_t classes = 1;
  std::span<const float> Row(int64_t position) const {
    return std::span(values).subspan(static_cast<size_t>(position * classes),
                                     static_cast<size_t>(classes));
  }
};

// Output `options.output` of `outputs`, reduced if asked for. Error
// {kInvalidArgument} when there is no such output.
std::vector<float> ScoredValues(const std::vector<Tensor>& outputs,
                                const MetricOptions& options);
// The same as rows of classes: [N,C] and [N,C,1,1] have N positions, [N,T,C]
// N*T (the last axis holds the classes), [N,C,H,W] N*H*W.
Scores ScoredRows(const std::vector<Tensor>& outputs,
                  const MetricOptions& options);

// Equal values: the lower index wins. NaN never wins.
int64_t ArgMax(std::span<const float> values);

// The label, checked against the number of classes.
int64_t CheckedLabel(const Sample& sample, int64_t classes);

// Sums over two vectors of equal length, in double; they add up over samples.
struct ErrorSums {
  double own = 0;    // sum of x^2
  double other = 0;  // sum of y^2
  double cross = 0;  // sum of x*y
  double error = 0;  // sum of (x-y)^2
  int64_t count = 0;

  void Add(const ErrorSums& sums);
};
ErrorSums SumsOf(const std::vector<float>& x, const std::vector<float>& y);
// Two zero vectors point the same way; one alone is at a right angle.
double CosineOf(const ErrorSums& sums);

// Error{kInvalidArgument}: "sample ID: text".
[[noreturn]] void FailAt(const Sample& sample, const std::string& text);

}  // namespace squint

#endif  // SQUINT_DATA_METRIC_SCORES_H_
