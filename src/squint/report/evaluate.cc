#include "squint/report/evaluate.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "squint/base/error.h"

namespace squint {

bool ReferenceOutputs::Keep(int64_t index, const std::vector<Tensor>& outputs) {
  size_t bytes = 0;
  for (const Tensor& tensor : outputs) bytes += tensor.bytes();
  full_ = full_ || bytes_ + bytes > limit_;
  if (full_) return false;
  bytes_ += bytes;
  kept_[index] = outputs;
  return true;
}

const std::vector<Tensor>& ReferenceOutputs::Of(const Sample& sample) {
  const auto found = kept_.find(sample.index);
  if (found != kept_.end()) return found->second;
  last_ = runner_.Run(sample.inputs);
  return Keep(sample.index, last_) ? kept_[sample.index] : last_;
}

void ReferenceOutputs::Prepare(std::span<const Sample> samples) {
  if (full_) return;
  std::vector<Sample> missing;
  for (const Sample& sample : samples) {
    const bool given = std::ranges::any_of(missing, [&](const Sample& other) {
      return other.index == sample.index;
    });
    if (!given && !kept_.contains(sample.index)) missing.push_back(sample);
  }
  const auto outputs = runner_.RunAll(missing);
  for (size_t i = 0; i < missing.size(); ++i) {
    Keep(missing[i].index, outputs[i]);
  }
}

namespace {

// Some samples, and what the network gives for them.
struct Batch {
  std::vector<Sample> samples;
  std::vector<std::vector<Tensor>> outputs;
  std::vector<std::vector<Tensor>> second_outputs;  // empty: no second inputs
};

// Up to runner.together() samples; none at the end.
Batch NextBatch(SampleStream& stream, Runner& runner,
                const std::function<void(const Sample&)>& check) {
  Batch batch{NextSamples(stream, runner.together(), check), {}, {}};
  std::vector<Sample> seconds;
  for (const Sample& sample : batch.samples) {
    if (sample.second_inputs.empty()) continue;
    seconds.emplace_back().inputs = sample.second_inputs;
  }
  batch.outputs = runner.RunAll(batch.samples);
  auto second = runner.RunAll(seconds);
  batch.second_outputs.resize(batch.samples.size());
  for (size_t i = 0, k = 0; k < second.size(); ++i) {
    if (batch.samples[i].second_inputs.empty()) continue;
    batch.second_outputs[i] = std::move(second[k++]);
  }
  return batch;
}

}  // namespace

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
  const auto check = [&](const Sample& sample) {
    context.ThrowIfCancelled();
    if (metric->needs_labels() && !sample.label && sample.target.empty()) {
      Fail(ErrorCode::kInvalidArgument, "metric {} needs labels, {} has none",
           name, dataset->description());
    }
  };
  int64_t done = 0;
  for (;;) {
    const Batch batch = NextBatch(stream, runner, check);
    if (batch.samples.empty()) break;
    if (metric->needs_reference()) reference->Prepare(batch.samples);
    for (size_t i = 0; i < batch.samples.size(); ++i) {
      const Sample& sample = batch.samples[i];
      const std::vector<Tensor>& second = batch.second_outputs[i];
      const std::vector<Tensor>* expected =
          metric->needs_reference() ? &reference->Of(sample) : nullptr;
      metric->Add({sample, batch.outputs[i], second.empty() ? nullptr : &second,
                   expected});
      context.Report("eval", ++done, total);
    }
  }
  return metric->Result();
}

}  // namespace squint
