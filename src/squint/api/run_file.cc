// squint run: arrays in, arrays out.
#include <chrono>
#include <map>

#include "squint/api/jobs.h"
#include "squint/base/error.h"
#include "squint/data/npy.h"
#include "squint/data/npy_write.h"
#include "squint/data/npz.h"
#include "squint/report/runner.h"

namespace squint {
namespace {

// Tensors by input name, from "name=file", "file" (in order) or one .npz.
std::map<std::string, Tensor> ReadInputs(const Graph& graph,
                                         const std::vector<std::string>& args) {
  std::map<std::string, Tensor> given;
  size_t position = 0;
  for (const std::string& arg : args) {
    if (arg.ends_with(".npz")) {
      for (const auto& [name, array] : ReadNpz(arg)) {
        given[name] = array.Whole();
      }
      continue;
    }
    const size_t equals = arg.find('=');
    if (equals != std::string::npos) {
      given[arg.substr(0, equals)] = ReadNpy(arg.substr(equals + 1)).Whole();
      continue;
    }
    if (position >= graph.inputs().size()) {
      Fail(ErrorCode::kInvalidArgument, "{}: the model has only {} inputs", arg,
           graph.inputs().size());
    }
    given[graph.value(graph.inputs()[position++]).name] = ReadNpy(arg).Whole();
  }
  return given;
}

std::vector<Tensor> InOrder(const Graph& graph,
                            std::map<std::string, Tensor> given) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    const auto it = given.find(value.name);
    if (it == given.end()) {
      Fail(ErrorCode::kInvalidArgument,
           "input '{}' ({} {}) is not given: --input {}=FILE.npy", value.name,
           DTypeName(value.dtype), value.shape.ToString(), value.name);
    }
    inputs.push_back(it->second.dtype() == value.dtype
                         ? it->second
                         : it->second.CastTo(value.dtype));
    given.erase(it);
  }
  if (!given.empty()) {
    Fail(ErrorCode::kInvalidArgument, "the model has no input '{}'",
         given.begin()->first);
  }
  return inputs;
}

RunSummary RunModel(const RunRequest& request, const Context& context) {
  const Prepared prepared = Prepare(request.model, {}, context);
  const Graph& graph = *prepared.graph;
  Runner runner(prepared.graph, RunModeOf(request.execution), context);
  const std::vector<Tensor> inputs =
      InOrder(graph, ReadInputs(graph, request.inputs));
  const auto start = std::chrono::steady_clock::now();
  const std::vector<Tensor> outputs = runner.Run(inputs);
  RunSummary summary;
  summary.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
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
