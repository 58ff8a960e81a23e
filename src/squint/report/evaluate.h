// Accuracy of a network on labelled data, or agreement with a float one.
#ifndef SQUINT_REPORT_EVALUATE_H_
#define SQUINT_REPORT_EVALUATE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
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

// What a float network gives for the samples of one dataset. It runs once for
// each, however often it is asked, as long as its outputs fit into `limit`
// bytes.
class ReferenceOutputs {
 public:
  // `runner` must outlive this.
  explicit ReferenceOutputs(Runner& runner, size_t limit = size_t{64} << 20)
      : runner_(runner), limit_(limit) {}

  // Valid until the next call.
  const std::vector<Tensor>& Of(const Sample& sample);
  // Computes those of these samples that are not kept, side by side.
  void Prepare(std::span<const Sample> samples);

 private:
  bool Keep(int64_t index, const std::vector<Tensor>& outputs);

  Runner& runner_;
  size_t limit_;
  size_t bytes_ = 0;
  bool full_ = false;  // some did not fit: those are computed when asked for
  std::map<int64_t, std::vector<Tensor>> kept_;  // by index of the sample
  std::vector<Tensor> last_;
};

// `reference`: for metrics that compare with the float network; may be null.
MetricResult Evaluate(Runner& runner, ReferenceOutputs* reference,
                      const std::shared_ptr<const Dataset>& dataset,
                      const EvaluateOptions& options, const Context& context);

}  // namespace squint

#endif  // SQUINT_REPORT_EVALUATE_H_
