#include "squint/report/budget_layers.h"

#include <map>

#include "squint/graph/user_name.h"
#include "squint/report/profile.h"
#include "squint/report/runner.h"

namespace squint {
namespace {

constexpr int kTimedRuns = 3;

bool IsRaisable(const Node& node) {
  return node.Is("Conv") || node.Is("Gemm") || node.Is("MatMul") ||
         node.Is("ConvTranspose");
}

std::map<std::string, double> SecondsByName(
    const std::shared_ptr<const Graph>& graph, RunMode mode,
    const Sample& sample, const Context& context) {
  Runner runner(graph, mode, context);
  runner.Run(sample.inputs);  // packs
  Profiler profiler;
  RunOptions options;
  options.on_step = [&](const StepEvent& event) { profiler.Add(event); };
  for (int i = 0; i < kTimedRuns; ++i) {
    runner.Run(sample.inputs, options);
    profiler.EndRun();
  }
  std::map<std::string, double> seconds;
  for (const ProfileRow& row : profiler.Rows({})) {
    seconds[row.name] += row.seconds;
  }
  return seconds;
}

}  // namespace

double BytesOfWeights(const BudgetLayer& layer, DType type) {
  return layer.numbers * BitsOf(type) / 8.0;
}

std::vector<BudgetLayer> RaisableLayers(const Graph& graph,
                                        const QuantizeResult& quantized) {
  std::map<std::string, bool> integer;
  for (const NodeOutcome& node : quantized.nodes) {
    integer[node.name] = node.integer;
  }
  std::vector<BudgetLayer> layers;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const std::string& name = UserName(node);
    const Tensor* weight = graph.ConstantOf(node.input(1));
    if (name.empty() || weight == nullptr || !integer[name] ||
        !IsRaisable(node)) {
      continue;
    }
    layers.push_back(
        {.name = name, .numbers = static_cast<double>(weight->size())});
  }
  return layers;
}

double MeasureLayers(const std::shared_ptr<const Graph>& real,
                     const Graph& quantized, const Sample& sample,
                     const Context& context, std::vector<BudgetLayer>& layers) {
  auto in_float = SecondsByName(real, RunMode::kExecutor, sample, context);
  auto in_integers = SecondsByName(std::make_shared<const Graph>(quantized),
                                   RunMode::kIntegers, sample, context);
  double others = 0;
  for (const auto& [name, seconds] : in_integers) others += seconds;
  for (BudgetLayer& layer : layers) {
    layer.float_seconds = in_float[layer.name];
    layer.integer_seconds = in_integers[layer.name];
    others -= layer.integer_seconds;
  }
  return others;
}

}  // namespace squint
