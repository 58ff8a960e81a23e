#include "squint/quantize/quantize.h"

#include <algorithm>
#include <utility>

#include "squint/graph/nested_values.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/infer.h"
#include "squint/quantize/check_recipe.h"
#include "squint/quantize/finite_weights.h"
#include "squint/quantize/graph_quantizer.h"
#include "squint/quantize/local_view.h"
#include "squint/quantize/method.h"
#include "squint/quantize/recurrent.h"

namespace squint {
namespace {

bool HasQuantization(const Graph& whole) {
  bool found = false;
  ForEachGraph(whole, [&](const Graph& graph) {
    for (ValueId id = 0; id < graph.num_values(); ++id) {
      found = found || graph.value(id).quant.has_value();
    }
  });
  return found;
}

void Append(QuantizeResult& to, QuantizeResult from) {
  to.nodes.insert(to.nodes.end(), from.nodes.begin(), from.nodes.end());
  for (std::string& note : from.notes) {
    if (std::find(to.notes.begin(), to.notes.end(), note) == to.notes.end()) {
      to.notes.push_back(std::move(note));
    }
  }
  to.float_weight_bytes += from.float_weight_bytes;
  to.quantized_weight_bytes += from.quantized_weight_bytes;
}

std::vector<NodeId> NodesWithGraphs(const Graph& graph) {
  std::vector<NodeId> nodes = graph.order();
  std::erase_if(nodes, [&](NodeId id) { return !graph.node(id).has_graphs(); });
  return nodes;
}

CaptureParams ParamsOfCaptures(const Graph& outer, const Node& node,
                               const Graph& body, size_t first) {
  CaptureParams params;
  for (size_t i = 0; i < body.captures().size(); ++i) {
    const auto& quant = outer.value(node.captures[first + i]).quant;
    if (quant) params[body.captures()[i]] = *quant;
  }
  return params;
}

// `graph` is one of the parts of `view`. Its nested graphs come after it: what
// happens in them changes nothing around.
QuantizeResult QuantizeNested(const Graph& graph, const LocalView& view,
                              const CaptureParams& captures,
                              const Context& context, const TuningData* data) {
  const std::optional<Calibration> calibration = view.CalibrationOf(graph);
  QuantizeResult result =
      QuantizeGraph(graph, calibration ? &*calibration : nullptr,
                    view.RecipeOf(graph), captures, context, data);
  const std::vector<NodeId> before = NodesWithGraphs(graph);
  const std::vector<NodeId> after = NodesWithGraphs(result.graph);
  CheckInternal(before.size() == after.size(),
                "Quantize: nodes with nested graphs came or went");
  for (size_t i = 0; i < before.size(); ++i) {
    ForEachBody(graph.node(before[i]), [&](const std::string& key,
                                           const Graph& body, size_t first) {
      const Node& node = result.graph.node(after[i]);
      QuantizeResult inner = QuantizeNested(
          body, view, ParamsOfCaptures(result.graph, node, body, first),
          context, nullptr);
      result.graph.node(after[i]).Set(key, GraphBox(std::move(inner.graph)));
      Append(result, std::move(inner));
    });
  }
  return result;
}

void CheckData(const Recipe& recipe, const TuningData* data) {
  for (const MethodDef* method : AllMethods()) {
    if (!method->needs_data || !MethodIsOn(*method, recipe)) continue;
    if (data != nullptr && !data->samples.empty()) continue;
    Fail(ErrorCode::kInvalidArgument,
         "method '{}' learns from samples: give --data", method->name);
  }
}

}  // namespace

void PrepareForRecipe(Graph& graph, const Recipe& recipe) {
  const Target& target = FindTarget(recipe.target);
  if (recipe.mode != QuantizeMode::kStatic || !target.all_integer) return;
  bool any = false;
  ForEachGraph(graph, [&](Graph& each) {
    bool changed = false;
    for (const NodeId id : each.order()) {
      if (IsExcluded(each.node(id), recipe)) continue;
      changed |= SplitRecurrent(each, id);
    }
    if (changed) each.Compact();
    any |= changed;
  });
  if (any) InferShapes(graph);
}

std::vector<ValueId> ValuesToCalibrate(const Graph& graph,
                                       const Recipe& recipe) {
  CheckRecipe(graph, recipe);  // before the work, not after it
  if (recipe.mode != QuantizeMode::kStatic) return {};
  const NestedValues nested(graph);
  const LocalView view(nested, nullptr, recipe);
  std::vector<ValueId> wanted;
  for (const NestedValues::Part& part : nested.parts()) {
    for (const ValueId id :
         WantedValues(*part.graph, view.RecipeOf(*part.graph))) {
      wanted.push_back(part.first + id);
    }
  }
  return wanted;
}

QuantizeResult Quantize(const Graph& graph, const Calibration* calibration,
                        const Recipe& recipe, const Context& context,
                        const TuningData* data) {
  if (HasQuantization(graph)) {
    Fail(ErrorCode::kInvalidArgument,
         "the network is quantized already; start from the float one");
  }
  CheckRecipe(graph, recipe);
  if (recipe.mode == QuantizeMode::kStatic && calibration == nullptr) {
    Fail(ErrorCode::kInvalidArgument,
         "static quantization needs data to calibrate with");
  }
  CheckData(recipe, data);
  if (calibration != nullptr) BlameWeights(graph, *calibration);
  const NestedValues nested(graph);
  return QuantizeNested(graph, LocalView(nested, calibration, recipe), {},
                        context, data);
}

}  // namespace squint
