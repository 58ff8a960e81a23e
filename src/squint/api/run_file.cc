// squint run: arrays in, arrays out.
#include "squint/api/input_files.h"
#include "squint/api/jobs.h"
#include "squint/base/error.h"
#include "squint/base/stopwatch.h"
#include "squint/data/npy_write.h"
#include "squint/report/runner.h"

namespace squint {
namespace {

RunSummary RunModel(const RunRequest& request, const Context& context) {
  const Prepared prepared = PrepareToRun(request.model, request.execution,
                                         request.float_format, context);
  const Graph& graph = *prepared.graph;
  Runner runner(prepared.graph, RunModeOf(request.execution), context);
  const std::vector<Tensor> inputs = ReadInputs(graph, request.inputs);
  const Stopwatch stopwatch;
  const std::vector<Tensor> outputs = runner.Run(inputs);
  RunSummary summary;
  summary.seconds = stopwatch.Seconds();
  summary.quantized = prepared.quantized;
  std::vector<std::pair<std::string, Tensor>> named;
  Json list = Json::array();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string& name = graph.value(graph.outputs()[i]).name;
    named.emplace_back(name, outputs[i]);
    summary.outputs.emplace_back(name, DimsToString(outputs[i].dims()));
    list.push_back(JsonObject("name", name, "dtype",
                              DTypeName(outputs[i].dtype()), "shape",
                              outputs[i].dims()));
  }
  if (request.output.ends_with(".npz")) {
    WriteNpz(request.output, named);
  } else if (!request.output.empty()) {
    if (named.size() != 1) {
      Fail(ErrorCode::kInvalidArgument,
           "the model has {} outputs: write them to a .npz", named.size());
    }
    WriteNpy(request.output, named[0].second);
  }
  summary.json =
      JsonText(JsonObject("outputs", list, "seconds", summary.seconds));
  return summary;
}

}  // namespace

RunSummary RunFile(const RunRequest& request, const Context& context) {
  return RunOnFiles(request.model, [&] { return RunModel(request, context); });
}

}  // namespace squint
