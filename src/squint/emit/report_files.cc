// CMakeLists.txt and memory.json.
#include "squint/base/json.h"
#include "squint/emit/c_text.h"
#include "squint/emit/code_bound.h"
#include "squint/emit/files.h"

namespace squint {
namespace {

// Bytes of stack that model_run takes at most: no chain of kernels, compiled by
// gcc for Cortex-M at any level, was found to take 1000 (tests/edge measures
// it). Nothing recurses, and no kernel's frame depends on the network.
constexpr int64_t kStackBound = 1280;
// Of CMSIS-NN at -O2, measured by the test of that name.
constexpr int64_t kCmsisStackBound = 1536;

Json PeakJson(const Peak& peak) {
  return JsonObject("layer", peak.layer, "in_patches", peak.in_patches, "bytes",
                    peak.bytes, "inputs", peak.inputs, "outputs", peak.outputs,
                    "scratch", peak.scratch);
}

}  // namespace

Json PatchesJson(const std::optional<PatchReport>& patches) {
  if (!patches) return nullptr;
  return JsonObject("rows", patches->rows, "columns", patches->columns,
                    "layers", patches->layers, "extra_macs",
                    patches->extra_macs, "arena_without", patches->whole_arena);
}

namespace {

// Sources are the user's; their own build says how they are compiled, but for
// the rounding.
std::string CmsisNnBuild(const Emission& e) {
  if (e.options.kernels != KernelSet::kCmsisNn) return "";
  return fmt::format(
      R"(set(CMSIS_NN_DIR "" CACHE PATH "github.com/ARM-software/CMSIS-NN")
add_subdirectory(${{CMSIS_NN_DIR}} cmsis-nn)
target_compile_definitions(cmsis-nn PRIVATE CMSIS_NN_USE_SINGLE_ROUNDING)
target_link_libraries({} PRIVATE cmsis-nn)
)",
      e.options.name);
}

}  // namespace

std::string BuildFile(const Emission& e) {
  return fmt::format(
      R"(# The library {0}, and a test that compares it with the engine.
# Made by squint from {3}.
cmake_minimum_required(VERSION 3.16)
project({0} C)
set(CMAKE_C_STANDARD 99)
set(CMAKE_C_STANDARD_REQUIRED ON)
add_library({0} STATIC model.c weights.c)
target_include_directories({0} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
{1}{2}add_executable({0}_test main_test.c)
target_link_libraries({0}_test PRIVATE {0})
enable_testing()
add_test(NAME {0} COMMAND {0}_test)
set_tests_properties({0} PROPERTIES SKIP_RETURN_CODE {4})
)",
      e.options.name,
      e.network.has_real_steps()
          ? fmt::format("target_link_libraries({} PUBLIC m)\n", e.options.name)
          : "",
      CmsisNnBuild(e), CommentText(e.options.source, 55), kSkipped);
}

std::string MemoryReport(const Emission& e, const EmittedModel& model) {
  Json layers = Json::array();
  for (const StepCost& step : model.steps) {
    layers.push_back(JsonObject("name", step.name, "operator", step.op_type,
                                "layer", step.layer, "weights",
                                step.constant_bytes, "parameters",
                                step.parameter_bytes, "macs", step.macs));
  }
  int64_t in = 0;
  int64_t out = 0;
  for (const Port& port : e.network.inputs) in += port.bytes();
  for (const Port& port : e.network.outputs) out += port.bytes();
  const Json flash =
      JsonObject("weights", model.constant_bytes, "parameters",
                 model.parameter_bytes, "code_bound", model.code_bound,
                 "code_bound_for", kCodeBoundFor, "layers", layers);
  const Json ram = JsonObject(
      "arena", model.arena_bytes, "arena_lower_bound", model.arena_lower_bound,
      "most_live", model.most_live, "peak", PeakJson(model.peak), "patches",
      PatchesJson(model.patches), "stack_bound",
      e.options.kernels == KernelSet::kOwn ? kStackBound : kCmsisStackBound,
      "inputs", in, "outputs", out, "state", model.state_bytes);
  const std::string about =
      fmt::format("Made by squint from {}.", CommentText(e.options.source, 55));
  return JsonText(JsonObject("about", about, "name", e.options.name, "macs",
                             model.macs, "flash", flash, "ram", ram),
                  2) +
         "\n";
}

}  // namespace squint
