#include "squint/quantize/rewrite.h"

#include <functional>
#include <set>
#include <string>
#include <utility>

namespace squint {
namespace {

using Names = std::set<std::string, std::less<>>;

void Recalibrate(const Graph& graph, const Names& names,
                 Calibration& calibration, const TuningData& data,
                 const Context& context) {
  CalibrateOptions options;
  options.samples = data.samples;
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const auto it = calibration.values.find(graph.value(id).name);
    if (it == calibration.values.end() || !names.contains(it->first)) continue;
    options.values.push_back(id);
    options.channel_axes[id] = it->second.channel_axis;
  }
  if (options.values.empty()) return;
  Calibration again = Calibrate(graph, *data.dataset, options, context);
  for (auto& [name, statistics] : again.values) {
    calibration.values[name] = std::move(statistics);
  }
}

// Applies the rewriting methods one after the other. Returns the values that
// are to be observed anew.
Names ApplyMethods(Graph& graph, Calibration& calibration,
                   const MethodContext& given, const FloatRequests& requests) {
  Names anew;
  for (const MethodDef* method : AllMethods()) {
    if (method->rewrite == nullptr || !MethodIsOn(*method, given.recipe))
      continue;
    const Graph before = graph;
    const Calibration statistics = calibration;
    const int changed =
        method->rewrite({before, &statistics, given.recipe, given.target,
                         given.context, given.data},
                        requests, graph, calibration);
    if (changed > 0) {
      given.context.Detail(fmt::format("{}: {} places", method->name, changed));
    }
    if (!method->observes_anew) continue;
    for (const auto& [name, made] : calibration.values) {
      if (!statistics.values.contains(name)) anew.insert(name);
    }
  }
  return anew;
}

}  // namespace

void Rewrite(Graph& graph, Calibration& calibration, const MethodContext& given,
             const FloatRequests& requests) {
  const Names anew = ApplyMethods(graph, calibration, given, requests);
  if (given.data != nullptr) {
    Recalibrate(graph, anew, calibration, *given.data, given.context);
  }
}

}  // namespace squint
