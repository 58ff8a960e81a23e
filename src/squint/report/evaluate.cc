#include "squint/report/evaluate.h"

#include "squint/base/error.h"

namespace squint {

MetricResult Evaluate(Runner& runner, Runner* reference,
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
    std::vector<Tensor> expected;
    if (reference != nullptr) expected = reference->Run(sample->inputs);
    metric->Add({*sample, outputs, second.empty() ? nullptr : &second,
                 reference ? &expected : nullptr});
    context.Report("eval", ++done, total);
  }
  return metric->Result();
}

}  // namespace squint
