#include "conformance/ways.h"

#include <memory>
#include <utility>
#include <vector>

#include "conformance/difference.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/ops/interpreter.h"
#include "squint/optimize/optimize.h"
#include "squint/runtime/executor.h"

namespace squint {
namespace {

std::vector<Tensor> Execute(Graph graph, const std::vector<Tensor>& inputs) {
  Context context;
  context.threads = 1;
  Executor executor(std::make_shared<const Graph>(std::move(graph)), context);
  executor.Run(inputs);
  return executor.Run(inputs);
}

std::vector<Tensor> RunSaved(const Graph& graph,
                             const std::vector<Tensor>& inputs,
                             const std::filesystem::path& scratch) {
  SaveModel(graph, scratch);
  const LoadedModel again = LoadModel(scratch);
  std::filesystem::remove(scratch);
  return Interpret(again.graph, inputs);
}

std::vector<Tensor> RunWay(Way way, Graph graph,
                           const std::vector<Tensor>& inputs,
                           const std::filesystem::path& scratch) {
  switch (way) {
    case Way::kInterpreter:
      return Interpret(graph, inputs);
    case Way::kExecutor:
      return Execute(std::move(graph), inputs);
    case Way::kSaved:
      return RunSaved(graph, inputs, scratch);
    case Way::kOptimized:
      Optimize(graph);
      return Interpret(graph, inputs);
  }
  Fail(ErrorCode::kInternal, "no such way");
}

std::string CheckRun(Way way, const Graph& graph, const DataSet& data,
                     const std::filesystem::path& scratch) {
  const std::vector<Tensor> got = RunWay(way, graph, data.inputs, scratch);
  for (size_t i = 0; i < data.outputs.size(); ++i) {
    const std::string difference = Difference(got[i], data.outputs[i]);
    if (difference.empty()) continue;
    return fmt::format("output '{}' {}", graph.value(graph.outputs()[i]).name,
                       difference);
  }
  return "";
}

// The second run: fails on its own account where the first one does not.
std::string CheckBound(Way way, Graph graph, DataSet data,
                       const std::filesystem::path& scratch) {
  BindInputs(graph, data);
  try {
    InferShapes(graph);
    const std::string difference = CheckRun(way, graph, data, scratch);
    return difference.empty() ? "" : "inputs constant: " + difference;
  } catch (const Error& error) {
    throw error.In("inputs constant");
  }
}

}  // namespace

std::string CheckWay(Way way, const TestCase& test,
                     const std::filesystem::path& scratch) {
  const LoadedModel model = LoadModel(test.model);
  for (const std::filesystem::path& folder : test.data_sets) {
    const DataSet data = ReadDataSet(folder, model.graph);
    std::string difference = CheckRun(way, model.graph, data, scratch);
    if (difference.empty() && data.inputs.size() > 1) {
      difference = CheckBound(way, model.graph, data, scratch);
    }
    if (!difference.empty()) return difference;
  }
  return "";
}

}  // namespace squint
