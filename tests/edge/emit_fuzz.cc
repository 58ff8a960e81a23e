// Random networks: fixed-point arithmetic stays near the integer reading, and
// each is emitted to a folder of its own, with vectors that say what the
// engine computes, many with less memory than they take, so that layers run in
// patches. kernels.h has the text of all kernels. emit_fuzz.py compiles and
// runs them. usage: emit_fuzz FOLDER FIRST_SEED COUNT [cmsis-nn]
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <random>
#include <set>
#include <string>

#include "random_network.h"
#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/emit/cmsis_nn.h"
#include "squint/emit/emit.h"
#include "squint/emit/kernel_text.h"
#include "squint/emit/network.h"
#include "squint/emit/plan.h"
#include "squint/fixed/lower.h"
#include "squint/fixed/session.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

// A difference of one step in each of many layers adds up; a wrong formula is
// off by far more.
constexpr double kMostRms = 0.05;  // of the root mean square of the result

double RootMeanSquare(const std::vector<float>& values) {
  double sum = 0;
  for (const float v : values) sum += double{v} * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// Where the step of the result is coarse, that many steps are allowed.
double StepOf(const Graph& graph, ValueId output) {
  const auto& quant = graph.value(output).quant;
  return quant ? double{quant->scale_at()} : 0;
}

void CompareWithIntegerReading(const Graph& graph, uint32_t seed) {
  const std::vector<Tensor> inputs = RandomInputs(graph, seed + 77);
  const std::vector<Tensor> expected =
      Interpret(graph, inputs, {.reading = Reading::kInteger});
  const std::vector<Tensor> actual = FixedSession(graph).Run(inputs);
  for (size_t i = 0; i < expected.size(); ++i) {
    std::vector<float> wanted = expected[i].ToFloats();
    std::vector<float> difference = actual[i].ToFloats();
    for (size_t k = 0; k < wanted.size(); ++k) difference[k] -= wanted[k];
    const double off = RootMeanSquare(difference);
    const double allowed = kMostRms * RootMeanSquare(wanted) +
                           2 * StepOf(graph, graph.outputs()[i]);
    if (off <= allowed) continue;
    Fail(ErrorCode::kInternal,
         "output {} is off by {} where {} is allowed:\n{}", i, off, allowed,
         PrintGraph(graph));
  }
}

// 0 for one in four; else less than the network takes, if that can be.
int64_t RandomLimit(const FixedNetwork& network, uint32_t seed) {
  std::mt19937 random(seed);
  if (random() % 4 == 0) return 0;
  constexpr int64_t kHundredths = 100;
  const auto part = static_cast<int64_t>(20 + random() % 80);
  return std::max<int64_t>(
      1, PlanMemory(network).arena_bytes * part / kHundredths);
}

// With a limit that may be beyond reach.
EmittedModel EmitWithin(const FixedNetwork& network, EmitOptions options) {
  try {
    return EmitC(network, options);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kBudgetNotMet) throw;
  }
  options.ram_limit = 0;
  return EmitC(network, options);
}

void WriteFile(const std::filesystem::path& path, const std::string& text) {
  OutputFile file(path);
  file.Write(text);
  file.Commit();
}

// Of all networks that call these kernels.
std::string AllKernels(KernelSet kernels) {
  std::set<std::string, std::less<>> headers;
  for (const auto& [name, text] : KernelFiles()) {
    const bool own = !name.starts_with(kCmsisKernel);
    if (own || kernels == KernelSet::kCmsisNn) headers.insert(name);
  }
  return KernelText(headers);
}

// Whether layers of it run in patches.
bool EmitTo(const std::filesystem::path& folder, const Graph& graph,
            uint32_t seed, KernelSet kernels) {
  std::vector<Dims> dims;
  for (const ValueId id : graph.inputs()) {
    dims.push_back(*graph.value(id).shape.values());
  }
  const FixedNetwork network =
      MakeNetwork(LowerToFixed(graph), dims, {.real_steps = KeepsFloat(seed)});
  const EmittedModel model =
      EmitWithin(network, {.name = fmt::format("net_{}", seed),
                           .source = "a random seed",
                           .kernels = kernels,
                           .ram_limit = RandomLimit(network, seed)});
  std::filesystem::create_directories(folder);
  for (const auto& [name, text] : model.files) WriteFile(folder / name, text);
  return model.patches.has_value();
}

int Main(const std::filesystem::path& folder, uint32_t first, uint32_t count,
         KernelSet kernels) {
  int failures = 0;
  int patched = 0;
  for (uint32_t seed = first; seed < first + count; ++seed) {
    try {
      const Graph graph = RandomNetwork(seed);
      CompareWithIntegerReading(graph, seed);
      patched +=
          EmitTo(folder / fmt::format("seed_{}", seed), graph, seed, kernels);
    } catch (const Error& error) {
      fmt::print("seed {}: {}\n", seed, error.message());
      ++failures;
    }
  }
  WriteFile(folder / "kernels.h", AllKernels(kernels));
  fmt::print("{} of {} in patches\n", patched, count);
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return 2;
  return squint::Main(
      argv[1], static_cast<uint32_t>(std::stoul(argv[2])),
      static_cast<uint32_t>(std::stoul(argv[3])),
      argc == 5 ? squint::KernelSet::kCmsisNn : squint::KernelSet::kOwn);
}
