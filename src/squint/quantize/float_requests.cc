#include "squint/quantize/float_requests.h"

#include <algorithm>

namespace squint {
namespace {

bool Touches(const Graph& graph, const Node& node, const std::string& name) {
  const auto touches = [&](const std::vector<ValueId>& list) {
    return std::any_of(list.begin(), list.end(), [&](ValueId v) {
      return v != kNoValue &&
             (graph.value(v).name == name || graph.value(v).user_name == name);
    });
  };
  return touches(node.inputs) || touches(node.outputs);
}

void KeepNamed(const Graph& graph, const Recipe& recipe,
               FloatRequests& requests) {
  for (const auto& [name, override] : recipe.tensors) {
    if (!override.keep_float.value_or(false)) continue;
    for (const NodeId id : graph.order()) {
      if (Touches(graph, graph.node(id), name)) {
        requests[id] = fmt::format("the recipe keeps '{}' float", name);
      }
    }
  }
}

// Branches that no sample took have no ranges.
void KeepUnreached(const Graph& graph, const Calibration& calibration,
                   FloatRequests& requests) {
  const auto unreached = [&](ValueId id) {
    if (id == kNoValue) return false;
    const auto it = calibration.values.find(graph.value(id).name);
    return it != calibration.values.end() && it->second.count == 0;
  };
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (std::any_of(node.inputs.begin(), node.inputs.end(), unreached) ||
        std::any_of(node.outputs.begin(), node.outputs.end(), unreached)) {
      requests.emplace(id, "no calibration sample reaches it");
    }
  }
}

}  // namespace

FloatRequests CollectFloatRequests(const MethodContext& given) {
  FloatRequests requests;
  KeepNamed(given.original, given.recipe, requests);
  if (given.calibration != nullptr) {
    KeepUnreached(given.original, *given.calibration, requests);
  }
  for (const MethodDef* method : AllMethods()) {
    if (method->select == nullptr || !MethodIsOn(*method, given.recipe)) {
      continue;
    }
    if (method->needs_calibration && given.calibration == nullptr) continue;
    method->select(given, requests);
  }
  return requests;
}

}  // namespace squint
