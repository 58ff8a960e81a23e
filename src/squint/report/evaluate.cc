#include "squint/report/evaluate.h"

#include "squint/base/error.h"

namespace squint {

const std::vector<Tensor>& ReferenceOutputs::Of(const Sample& sample) {
  const auto found = kept_.find(sample.index);
  if (found != kept_.end()) return found->second;
  last_ = runner_.Run(sample.inputs);
  size_t bytes = 0;
  for (const Tensor& tensor : last_) bytes += tensor.bytes();
  if (bytes_ + bytes > limit_) return last_;
  bytes_ += bytes;
  return kept_[sample.index] = last_;
}

MetricResult Evaluate(Runner& runner, ReferenceOutputs* reference,
                      const std::shared_ptr<const Dataset>& dataset,
                      const EvaluateOptions& options, const Context& context) {
  std::string name = options.metric;
  if (name.empty()) name = dataset->metric();
  if (name.empty()) name = "top1";
  const auto metric =
      MakeMetric(name, {dataset->output(), dataset->reduction()});
  if (metric->needs_reference() && reference == nullptr) {
    Fail(ErrorCode::kInvalidArgument,
         "metric {} compares with a float model: give one", name);
  }
  const auto total = static_cast<int64_t>(options.samples.size());
  SampleStream stream(dataset, options.samples, 1);
  int64_t done = 0;
  while (const std::optional<Sample> sample = stream.Next()) {
    context.ThrowIfCancelled();
    if (metric->needs_labels() && !sample->label && sample->target.empty()) {
      Fail(ErrorCode::kInvalidArgument, "metric {} needs labels, {} has none",
           name, dataset->description());
    }
    const std::vector<Tensor> outputs = runner.Run(sample->inputs);
    std::vector<Tensor> second;
    if (!sample->second_inputs.empty()) {
      second = runner.Run(sample->second_inputs);
    }
    const std::vector<Tensor>* expected =
        metric->needs_reference() ? &reference->Of(*sample) : nullptr;
    metric->Add(
        {*sample, outputs, second.empty() ? nullptr : &second, expected});
    context.Report("eval", ++done, total);
  }
  return metric->Result();
}

}  // namespace squint
