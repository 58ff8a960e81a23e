#include "squint/api/jobs.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "squint/base/error.h"
#include "squint/interchange/convert.h"
#include "squint/kernels/isa/isa.h"
#include "squint/optimize/optimize.h"
#include "squint/quantize/method.h"
#include "squint/runtime/bf16_products.h"

namespace squint {
namespace {

constexpr int64_t kSmallestSplit = 20;
constexpr int64_t kHoldBackEvery = 10;
constexpr size_t kMostHeldBack = 32;

int64_t ParseIndex(std::string_view text, int64_t fallback,
                   const std::string& whole) {
  if (text.empty()) return fallback;
  int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    Fail(ErrorCode::kInvalidArgument, "samples '{}' is not of the form A:B",
         whole);
  }
  return value;
}

DType ParseType(const std::string& name) {
  const DType dtype = DTypeFromName(name == "float" ? "float32" : name);
  if (dtype == DType::kUndefined) {
    Fail(ErrorCode::kInvalidArgument, "'{}' is not a type", name);
  }
  return dtype;
}

void SetWeights(const std::string& name, Recipe& recipe) {
  const std::optional<WeightFormat> format = FormatFromName(name);
  recipe.weights = format ? format->dtype : ParseType(name);
  recipe.weight_bits =
      format && format->bits < BitsOf(format->dtype) ? format->bits : 0;
}

}  // namespace

void RunPasses(Graph& graph, const std::vector<std::string>& disabled_passes,
               const Context& context) {
  OptimizeOptions options;
  options.disabled = disabled_passes;
  for (const PassReport& pass : Optimize(graph, options, context)) {
    if (pass.changes == 0) continue;
    context.Detail(fmt::format("pass {}: {} changes, {:.1f} ms", pass.name,
                               pass.changes, pass.seconds * 1e3));
    for (const std::string& line : pass.lines) context.Detail("  " + line);
  }
}

Prepared Prepare(const std::string& model,
                 const std::vector<std::string>& disabled_passes,
                 const Context& context) {
  return Prepare(LoadModel(model, context), model, disabled_passes, context);
}

Prepared Prepare(LoadedModel loaded, const std::string& model,
                 const std::vector<std::string>& disabled_passes,
                 const Context& context) {
  for (const std::string& finding : loaded.findings) context.Detail(finding);
  Prepared prepared;
  prepared.hash = loaded.hash;
  prepared.file_bytes = loaded.file_bytes;
  prepared.quantized = IsQuantized(loaded.graph);
  prepared.normals = ReadNormalizations(loaded.graph);
  try {
    Absorb(loaded.graph);
    if (!prepared.quantized) RunPasses(loaded.graph, disabled_passes, context);
  } catch (const Error& error) {
    throw error.In(model);
  }
  prepared.graph = std::make_shared<const Graph>(std::move(loaded.graph));
  return prepared;
}

bool HasFastBf16() { return MayUseAvx512Bf16(); }

namespace {

// Which of them a model can be run by.
void CheckExecution(const std::string& model, bool quantized,
                    Execution execution, FloatFormat format) {
  if (!quantized && execution == Execution::kFixed) {
    Fail(ErrorCode::kInvalidArgument,
         "{} is a float model: fixed-point arithmetic is of quantized ones",
         model);
  }
  if (format == FloatFormat::kBf16 &&
      (execution == Execution::kReference || execution == Execution::kFixed)) {
    Fail(ErrorCode::kInvalidArgument,
         "bfloat16 is for runs by float kernels: neither plain loops nor "
         "fixed-point arithmetic have it");
  }
}

void NoteImitation(const Context& context) {
  if (HasFastBf16()) return;
  context.Note(
      "this CPU has no instruction for products of bfloat16: they are made of "
      "float32, no faster");
}

}  // namespace

Prepared PrepareToRun(const std::string& model, Execution execution,
                      FloatFormat float_format, const Context& context) {
  Prepared prepared = Prepare(model, {}, context);
  CheckExecution(model, prepared.quantized, execution, float_format);
  const bool bf16 = float_format == FloatFormat::kBf16;
  if (execution == Execution::kReference || (!prepared.quantized && !bf16)) {
    return prepared;
  }
  try {
    Graph graph = *prepared.graph;
    if (prepared.quantized) RunPasses(graph, {}, context);
    if (execution == Execution::kFixed) {
      for (const std::string& kept : MakeActivationsSigned(graph)) {
        context.Detail(kept);
      }
    }
    if (bf16) {
      UseBf16Products(graph);
      NoteImitation(context);
    }
    prepared.graph = std::make_shared<const Graph>(std::move(graph));
  } catch (const Error& error) {
    throw error.In(model);
  }
  return prepared;
}

std::shared_ptr<const Dataset> OpenData(const DataRequest& request,
                                        const Graph& graph,
                                        const Context& context) {
  if (request.source.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "no data given: --data takes a folder of images, a .npy, .npz or "
         ".json file, or the word random");
  }
  DatasetOptions options;
  options.preset = request.preset;
  options.seed = context.seed;
  auto dataset = OpenDataset(request.source, InputSpecsOf(graph), options);
  if (request.source == "random") {
    context.Warn(
        "random data: ranges will not be those of real inputs, and accuracy "
        "may suffer badly");
  }
  return dataset;
}

std::vector<int64_t> SampleIndices(const DataRequest& request, int64_t size) {
  int64_t begin = 0;
  int64_t end = size;
  if (!request.samples.empty()) {
    const size_t colon = request.samples.find(':');
    if (colon == std::string::npos) {
      Fail(ErrorCode::kInvalidArgument, "samples '{}' is not of the form A:B",
           request.samples);
    }
    const std::string_view text = request.samples;
    begin = ParseIndex(text.substr(0, colon), 0, request.samples);
    end = ParseIndex(text.substr(colon + 1), size, request.samples);
  }
  if (request.limit > 0) end = std::min(end, begin + request.limit);
  if (begin < 0 || end > size || begin >= end) {
    Fail(ErrorCode::kInvalidArgument,
         "samples {}:{} are not within the {} samples of the data", begin, end,
         size);
  }
  std::vector<int64_t> indices;
  for (int64_t i = begin; i < end; ++i) indices.push_back(i);
  return indices;
}

Split SplitSamples(const std::vector<int64_t>& samples) {
  Split split;
  if (static_cast<int64_t>(samples.size()) < kSmallestSplit) {
    split.calibrate = samples;
    split.compare = samples;
    split.overlap = true;
    return split;
  }
  for (const int64_t index : samples) {
    const bool hold = index % kHoldBackEvery == kHoldBackEvery - 1 &&
                      split.compare.size() < kMostHeldBack;
    (hold ? split.compare : split.calibrate).push_back(index);
  }
  return split;
}

Recipe MakeRecipe(const RecipeRequest& request) {
  Recipe recipe;
  if (!request.file.empty()) recipe = ReadRecipe(request.file);
  if (request.mode) {
    recipe.mode =
        RecipeFromText(JsonObject("mode", *request.mode).dump(), "--mode").mode;
  }
  if (request.preset) recipe.target = *request.preset;
  if (request.activations) recipe.activations = ParseType(*request.activations);
  if (request.weights) SetWeights(*request.weights, recipe);
  if (request.edges_as_others) recipe.edges_8_bits = false;
  if (request.observer) recipe.observer = *request.observer;
  if (request.io) recipe.io = ParseType(*request.io);
  if (request.group) recipe.group = *request.group;
  if (request.iterations) recipe.iterations = *request.iterations;
  if (request.per_tensor) recipe.per_channel = false;
  if (request.saturation_safe) recipe.saturation_safe = true;
  const auto append = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  append(recipe.exclude_nodes, request.exclude_nodes);
  append(recipe.exclude_types, request.exclude_types);
  for (const std::string& name : request.enable) recipe.methods[name] = true;
  for (const std::string& name : request.disable) recipe.methods[name] = false;
  FindTarget(recipe.target);  // a clear error before any work
  const auto descends = [&](const MethodDef* method) {
    return method->needs_data && MethodIsOn(*method, recipe);
  };
  if (request.iterations && std::ranges::none_of(AllMethods(), descends)) {
    Fail(ErrorCode::kInvalidArgument,
         "iterations are of --reconstruct, which was not asked for");
  }
  return recipe;
}

void RethrowAsError(const std::string& file) {
  try {
    throw;
  } catch (const Error& error) {
    // What is wrong with a network, or too large in it, is often found far
    // from its file.
    const bool of_network = error.code() == ErrorCode::kInvalidModel ||
                            error.code() == ErrorCode::kUnsupported ||
                            error.code() == ErrorCode::kOutOfMemory;
    if (!of_network || error.message().find(file) != std::string::npos) throw;
    throw error.In(file);
  } catch (const std::bad_alloc&) {
    Fail(ErrorCode::kOutOfMemory, "{}: out of memory", file);
  } catch (const std::length_error&) {
    Fail(ErrorCode::kOutOfMemory, "{}: out of memory: an absurd size", file);
  } catch (const std::filesystem::filesystem_error& error) {
    Fail(ErrorCode::kIo, "{}: {}", error.path1().string(),
         error.code().message());
  } catch (const std::exception& error) {
    Fail(ErrorCode::kInternal, "{}: {}", file, error.what());
  }
}

Json NumberOrNull(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

RunMode RunModeOf(Execution execution) {
  switch (execution) {
    case Execution::kIntegers:
      return RunMode::kIntegers;
    case Execution::kSimulated:
      return RunMode::kExecutor;
    case Execution::kReference:
      return RunMode::kReference;
    case Execution::kFixed:
      return RunMode::kFixed;
  }
  return RunMode::kExecutor;
}

}  // namespace squint
