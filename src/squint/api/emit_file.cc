// squint emit: a folder of C for the smallest machines.
#include <algorithm>
#include <filesystem>

#include "squint/api/jobs.h"
#include "squint/api/new_folder.h"
#include "squint/base/error.h"
#include "squint/base/json.h"
#include "squint/emit/emit.h"
#include "squint/emit/files.h"
#include "squint/emit/network.h"
#include "squint/fixed/lower.h"
#include "squint/interchange/convert.h"
#include "squint/ops/infer.h"

namespace squint {
namespace {

void CheckInputName(const Graph& graph, const std::string& name) {
  std::string known;
  for (const ValueId id : graph.inputs()) {
    if (graph.value(id).name == name) return;
    known += (known.empty() ? "'" : ", '") + graph.value(id).name + "'";
  }
  Fail(ErrorCode::kInvalidArgument,
       "--shape: the model has no input '{}'; it has {}", name, known);
}

Dims DimsOfInput(const Graph& graph, ValueId id, const EmitRequest& request) {
  const Value& value = graph.value(id);
  if (const auto found = request.shapes.find(value.name);
      found != request.shapes.end()) {
    return found->second;
  }
  const auto dims = value.shape.values();
  if (!dims) {
    Fail(ErrorCode::kInvalidArgument,
         "input '{}' has the shape {}: emitted C is for one size, give it as "
         "--shape {}=1,...",
         value.name, value.shape.ToString(), value.name);
  }
  return *dims;
}

std::vector<Dims> InputDims(const Graph& graph, const EmitRequest& request) {
  for (const auto& [name, dims] : request.shapes) CheckInputName(graph, name);
  std::vector<Dims> all;
  for (const ValueId id : graph.inputs()) {
    all.push_back(DimsOfInput(graph, id, request));
  }
  return all;
}

// At the sizes that are emitted, so that what is computed from them is folded.
Graph AtSize(Graph graph, const std::vector<Dims>& input_dims) {
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    if (!graph.value(id).is_constant()) graph.value(id).shape = Shape();
  }
  for (size_t i = 0; i < input_dims.size(); ++i) {
    graph.value(graph.inputs()[i]).shape = Shape::Of(input_dims[i]);
  }
  InferShapes(graph);
  return graph;
}

EmitPatches PatchesOf(const PatchReport& report) {
  return {.rows = report.rows,
          .columns = report.columns,
          .layers = report.layers,
          .extra_macs = report.extra_macs,
          .arena_bytes = report.whole_arena};
}

EmitSummary SummaryOf(const EmittedModel& model, const EmitRequest& request) {
  EmitSummary summary;
  if (model.patches) summary.patches = PatchesOf(*model.patches);
  summary.arena_bytes = model.arena_bytes;
  summary.arena_lower_bound = model.arena_lower_bound;
  summary.constant_bytes = model.constant_bytes + model.parameter_bytes;
  summary.macs = model.macs;
  summary.steps = static_cast<int>(model.steps.size());
  for (const auto& [name, text] : model.files) summary.files.push_back(name);
  summary.json = JsonText(JsonObject(
      "output", request.output, "name", request.name, "files", summary.files,
      "arena", summary.arena_bytes, "arena_lower_bound",
      summary.arena_lower_bound, "patches", PatchesJson(model.patches),
      "constants", summary.constant_bytes, "steps", summary.steps, "macs",
      summary.macs));
  return summary;
}

KernelSet KernelsOf(const EmitRequest& request) {
  if (request.kernels == "own") return KernelSet::kOwn;
  if (request.kernels == "cmsis-nn") return KernelSet::kCmsisNn;
  Fail(ErrorCode::kInvalidArgument,
       "there are no kernels '{}', only 'own' and 'cmsis-nn'", request.kernels);
}

EmitSummary Emit(const EmitRequest& request, const Context& context) {
  const KernelSet kernels = KernelsOf(request);
  NewFolder folder(request.output, request.force);
  const Prepared loaded = Prepare(request.model, {}, context);
  if (!loaded.quantized) {
    Fail(ErrorCode::kUnsupported,
         "the model computes in float: quantize it with --preset edge first");
  }
  const std::vector<Dims> dims = InputDims(*loaded.graph, request);
  Graph graph = AtSize(*loaded.graph, dims);
  RunPasses(graph, {}, context);
  for (const std::string& kept : MakeActivationsSigned(graph)) {
    context.Detail(kept);
  }
  const EmittedModel model =
      EmitC(MakeNetwork(LowerToFixed(graph), dims,
                        {.real_steps = request.allow_float}),
            {.name = request.name,
             .source = std::filesystem::path(request.model).filename().string(),
             .kernels = kernels,
             .ram_limit = request.ram_limit,
             .flash_limit = request.flash_limit});
  for (const auto& [name, text] : model.files) folder.Add(name, text);
  folder.Commit();
  return SummaryOf(model, request);
}

}  // namespace

EmitSummary EmitFile(const EmitRequest& request, const Context& context) {
  return RunOnFiles(request.model, [&] { return Emit(request, context); });
}

}  // namespace squint
