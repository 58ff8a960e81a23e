#include "squint/emit/emit.h"

#include <cctype>
#include <set>
#include <string_view>

#include "squint/base/error.h"
#include "squint/emit/c_text.h"
#include "squint/emit/cmsis_nn.h"
#include "squint/emit/code_bound.h"
#include "squint/emit/files.h"
#include "squint/emit/flash_limit.h"
#include "squint/emit/patches.h"
#include "squint/emit/ram_limit.h"
#include "squint/graph/user_name.h"

namespace squint {
namespace {

// Targets that CMake makes by itself, and the library of mathematics; a space
// around each.
constexpr std::string_view kTargets =
    " all all_build clean depend edit_cache help install "
    "list_install_components m package package_source preinstall "
    "rebuild_cache run_tests test zero_check ";

constexpr size_t kMostOfName = 64;

void CheckName(const std::string& name) {
  if (!IsIdentifier(name)) {
    Fail(ErrorCode::kInvalidArgument,
         "the name '{}' is no C identifier: letters, digits and '_', a letter "
         "first, no keyword",
         name);
  }
  if (name.size() > kMostOfName) {
    Fail(ErrorCode::kInvalidArgument,
         "the name has {} characters, {} are the most", name.size(),
         kMostOfName);
  }
  std::string low = name;  // some generators have them in capitals
  for (char& c : low) c = static_cast<char>(std::tolower(c));
  if (kTargets.find(fmt::format(" {} ", low)) != std::string_view::npos) {
    Fail(ErrorCode::kInvalidArgument,
         "the name '{}' is taken in CMake, where the library would have it; "
         "choose another --name",
         name);
  }
  if (low == "squint" || low.starts_with("squint_")) {
    Fail(ErrorCode::kInvalidArgument,
         "the name '{}' begins as those of the kernels do; choose another "
         "--name",
         name);
  }
}

void NamePorts(const std::vector<Port>& ports, std::string_view kind,
               std::set<std::string>& taken, std::vector<std::string>& names) {
  for (const Port& port : ports) {
    const std::string wish = AsWord(port.name, kind);
    std::string name = wish;
    for (int n = 2; !taken.insert(name).second; ++n) {
      name = fmt::format("{}_{}", wish, n);
    }
    names.push_back(name);
  }
}

// Kernels take bytes.
std::string AsBytes(const Port& port, bool is_input, const std::string& name) {
  if (port.dtype == DType::kInt8) return name;
  return fmt::format("({}int8_t*){}", is_input ? "const " : "", name);
}

std::string Argument(const Emission& emission, ModelWriter& writer,
                     ValueId id) {
  const Place& place = emission.plan.places.at(id);
  switch (place.kind) {
    case Place::Kind::kInput:
      return AsBytes(emission.network.inputs[place.index], true,
                     InputParameter(emission, place.index));
    case Place::Kind::kOutput:
      return AsBytes(emission.network.outputs[place.index], false,
                     OutputParameter(emission, place.index));
    case Place::Kind::kConstant:
      return writer.ConstantInput(id);
    case Place::Kind::kArena:
      return InArena(place.offset);
  }
  return "";
}

std::optional<PatchReport> ReportOf(const FixedNetwork& network,
                                    const FixedNetwork& whole) {
  const PatchStep* patches = PatchesOf(network);
  if (patches == nullptr) return std::nullopt;
  PatchReport report{.rows = patches->grid_rows(),
                     .columns = patches->grid_columns(),
                     .layers = {},
                     .extra_macs = patches->extra_macs(),
                     .whole_arena = PlanMemory(whole).arena_bytes};
  const Graph& graph = network.program.graph;
  for (const PatchLayer& layer : patches->layers()) {
    if (!layer.move.empty()) continue;
    report.layers.push_back(UserName(graph, graph.node(layer.node)));
  }
  return report;
}

EmittedModel Write(const FixedNetwork& network, const FixedNetwork& whole,
                   const MemoryPlan& plan, const EmitOptions& options) {
  VerifyPlan(network, plan);
  if (const PatchStep* patches = PatchesOf(network)) VerifyPatches(*patches);
  Emission emission{network, whole, plan, options};
  // Beside these, NAME_ has its own sizes and functions.
  std::set<std::string> taken = {"arena", "state", "run", "reset"};
  NamePorts(network.inputs, "input", taken, emission.inputs);
  NamePorts(network.outputs, "output", taken, emission.outputs);
  ModelWriter writer(network, plan, options.name, [&](ValueId id) {
    return Argument(emission, writer, id);
  });
  for (size_t i = 0; i < plan.order.size(); ++i) writer.WriteStep(i);
  for (const auto& [id, output] : plan.copies) {
    writer.WriteCopy(id, OutputParameter(emission, output));
  }
  EmittedModel model;
  model.steps = writer.costs();
  for (const StepCost& step : model.steps) {
    if (step.state_bytes > 0) {
      emission.states.emplace_back(step.name, step.state_bytes);
    }
    model.state_bytes += step.state_bytes;
  }
  model.arena_bytes = plan.arena_bytes;
  model.arena_lower_bound = plan.lower_bound;
  model.most_live = plan.most_live;
  model.peak = PeakOf(network, plan);
  model.code_bound = CodeBound(writer.kernels(), writer.call_counts());
  if (options.kernels == KernelSet::kCmsisNn) {
    model.code_bound += kCmsisCodeBound;
  }
  for (const StepCost& step : model.steps) {
    model.constant_bytes += step.constant_bytes;
    model.parameter_bytes += step.parameter_bytes;
    model.macs += step.macs;
  }
  if (options.flash_limit > 0) CheckFlash(model, options.flash_limit);
  model.patches = ReportOf(network, whole);
  model.files = {{"model.h", ModelHeader(emission)},
                 {"model.c", ModelSource(emission, writer)},
                 {"weights.h", WeightsHeader(emission, writer)},
                 {"weights.c", WeightsSource(emission, writer)},
                 {"test_vectors.h", TestVectors(emission)},
                 {"main_test.c", TestMain(emission)},
                 {"CMakeLists.txt", BuildFile(emission)},
                 {"memory.json", MemoryReport(emission, model)}};
  return model;
}

}  // namespace

EmittedModel EmitC(const FixedNetwork& own, const EmitOptions& options) {
  CheckName(options.name);
  const FixedNetwork network =
      options.kernels == KernelSet::kCmsisNn ? WithCmsisNn(own) : own;
  const MemoryPlan plan = PlanMemory(network);
  if (options.ram_limit > 0) {
    if (const auto patched = MeetRamLimit(network, plan, options.ram_limit)) {
      return Write(*patched, network, PlanMemory(*patched), options);
    }
  }
  return Write(network, network, plan, options);
}

}  // namespace squint
