// Accuracy of a network on labelled data, or agreement with a float one.
#ifndef SQUINT_REPORT_EVALUATE_H_
#define SQUINT_REPORT_EVALUATE_H_

#include <memory>
#include <string>
#include <vector>

#include "squint/base/context.h"
#include "squint/data/dataset.h"
#include "squint/data/metric.h"
#include "squint/report/runner.h"

namespace squint {

struct EvaluateOptions {
  std::string metric;  // "": the dataset's own, else top1
  std::vector<int64_t> samples;
};

// `reference` runs the float network for metrics that need one, may be null.
MetricResult Evaluate(Runner& runner, Runner* reference,
                      const std::shared_ptr<const Dataset>& dataset,
                      const EvaluateOptions& options, const Context& context);

}  // namespace squint

#endif  // SQUINT_REPORT_EVALUATE_H_
