// squint eval, compare and run.
#include <algorithm>
#include <optional>

#include "squint/api/jobs.h"
#include "squint/base/error.h"
#include "squint/base/stopwatch.h"
#include "squint/data/npy.h"
#include "squint/report/compare.h"
#include "squint/report/evaluate.h"

namespace squint {
namespace {

constexpr size_t kWorstShown = 10;

std::string_view ExecutionName(bool quantized, Execution execution) {
  if (!quantized) return "float";
  switch (execution) {
    case Execution::kIntegers:
      return "integers";
    case Execution::kSimulated:
      return "simulated";
    case Execution::kReference:
      return "reference";
    case Execution::kFixed:
      return "fixed";
  }
  return "";
}

std::vector<TensorDifference> ToPublic(
    const std::vector<ValueDifference>& differences) {
  std::vector<TensorDifference> result;
  result.reserve(differences.size());
  for (const ValueDifference& d : differences) {
    result.push_back({d.name, d.op_type, d.sqnr, d.cosine});
  }
  return result;
}

Json ToJson(const std::vector<TensorDifference>& differences) {
  Json list = Json::array();
  for (const TensorDifference& d : differences) {
    list.push_back(JsonObject("name", d.name, "op_type", d.op_type, "sqnr",
                              NumberOrNull(d.sqnr), "cosine",
                              NumberOrNull(d.cosine)));
  }
  return list;
}

EvalSummary EvaluateModel(const EvalRequest& request, const Context& context) {
  const Prepared prepared = PrepareToRun(request.model, request.execution,
                                         request.float_format, context);
  const auto dataset = OpenData(request.data, *prepared.graph, context);
  Runner runner(prepared.graph, RunModeOf(request.execution), context);
  std::unique_ptr<Runner> float_runner;
  if (!request.float_model.empty()) {
    float_runner = std::make_unique<Runner>(
        Prepare(request.float_model, {}, context).graph, RunMode::kExecutor,
        context);
  }
  std::optional<ReferenceOutputs> reference;
  if (float_runner != nullptr) reference.emplace(*float_runner, 0);
  const Stopwatch stopwatch;
  const MetricResult metric = Evaluate(
      runner, reference ? &*reference : nullptr, dataset,
      {request.metric, SampleIndices(request.data, dataset->size())}, context);
  EvalSummary summary;
  summary.metric = metric.name;
  summary.value = metric.value;
  summary.samples = metric.samples;
  summary.seconds = stopwatch.Seconds();
  summary.quantized = prepared.quantized;
  summary.per_sample = metric.per_sample;
  summary.json = JsonText(
      JsonObject("metric", metric.name, "value", NumberOrNull(metric.value),
                 "samples", metric.samples, "execution",
                 ExecutionName(prepared.quantized, request.execution),
                 "seconds", summary.seconds, "per_sample", summary.per_sample));
  return summary;
}

CompareSummary CompareModels(const CompareRequest& request,
                             const Context& context) {
  const Prepared real = Prepare(request.float_model, {}, context);
  const Prepared quantized = Prepare(request.quantized_model, {}, context);
  const auto dataset = OpenData(request.data, *real.graph, context);
  if (request.execution == Execution::kIntegers) {
    Fail(ErrorCode::kInvalidArgument,
         "compare looks at inner values: it runs simulated or by reference");
  }
  Runner a(real.graph, RunMode::kExecutor, context);
  Runner b(quantized.graph, RunModeOf(request.execution), context);
  CompareOptions options;
  options.samples = SampleIndices(request.data, dataset->size());
  options.inner = true;
  Comparison comparison = Compare(a, b, dataset, options, context);
  std::stable_sort(comparison.inner.begin(), comparison.inner.end(),
                   [](const ValueDifference& x, const ValueDifference& y) {
                     return x.sqnr < y.sqnr;
                   });
  if (comparison.inner.size() > kWorstShown) {
    comparison.inner.resize(kWorstShown);
  }
  CompareSummary summary;
  summary.samples = comparison.samples;
  summary.agreement = comparison.agreement;
  summary.outputs = ToPublic(comparison.outputs);
  summary.worst = ToPublic(comparison.inner);
  summary.json = JsonText(JsonObject(
      "samples", summary.samples, "agreement", summary.agreement, "execution",
      ExecutionName(quantized.quantized, request.execution), "outputs",
      ToJson(summary.outputs), "worst", ToJson(summary.worst)));
  return summary;
}

}  // namespace

EvalSummary EvaluateFile(const EvalRequest& request, const Context& context) {
  return RunOnFiles(request.model,
                    [&] { return EvaluateModel(request, context); });
}

CompareSummary CompareFiles(const CompareRequest& request,
                            const Context& context) {
  return RunOnFiles(request.float_model,
                    [&] { return CompareModels(request, context); });
}

}  // namespace squint
