// A file through all that happens to it before anything is calibrated: read,
// functions inlined, upgraded, inferred, absorbed, optimized, laid out again,
// and run. The input is the file, or the choices that make one.
#include <algorithm>

#include "choices.h"
#include "model_bytes.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/interpreter.h"
#include "squint/optimize/optimize.h"
#include "squint/runtime/executor.h"
#include "wild_graph.h"

namespace squint {
namespace {

constexpr size_t kMemoryLimit = size_t{1} << 16;  // bytes of one tensor

Context SmallContext() {
  Context context;
  context.threads = 1;
  context.memory_limit = kMemoryLimit;
  return context;
}

// Whether all that inference knows of the graph is small.
bool IsSmall(const Graph& graph) {
  for (ValueId id = 0; id < graph.num_values(); ++id) {
    const auto dims = graph.value(id).shape.values();
    if (!dims) continue;
    size_t count = 1;
    for (const int64_t dim : *dims) {
      if (dim > 4096) return false;
      count *= static_cast<size_t>(std::max<int64_t>(dim, 1));
      if (count > kMemoryLimit / 4) return false;
    }
  }
  return true;
}

void Run(const Graph& graph, const std::vector<Tensor>& inputs) {
  if (inputs.size() != graph.inputs().size() || !IsSmall(graph)) return;
  Survives([&] {
    InterpreterOptions options;
    options.context.memory_limit = kMemoryLimit;
    Interpret(graph, inputs, options);
  });
  Survives([&] {
    Executor(std::make_shared<const Graph>(graph), SmallContext()).Run(inputs);
  });
}

void Load(FuzzBytes bytes, const std::vector<Tensor>& inputs) {
  const std::filesystem::path path = FuzzFile(bytes);
  Graph graph;
  const bool loaded =
      Survives([&] { graph = LoadModel(path, SmallContext()).graph; });
  if (!loaded) return;
  PrintGraph(graph);
  Run(graph, inputs);
  Survives([&] { LayOutQuantization(graph); });
  const bool absorbed = Survives([&] { Absorb(graph); });
  if (!absorbed) return;
  Survives([&] { LayOutQuantization(graph); });
  Run(graph, inputs);
  OptimizeOptions options;
  options.fold_limit = kMemoryLimit;
  if (Survives([&] { Optimize(graph, options, SmallContext()); })) {
    Run(graph, inputs);
  }
}

}  // namespace

void Fuzz_load(FuzzBytes bytes) {
  constexpr uint8_t kIsFile = 0x08;  // how a model file begins
  if (!bytes.empty() && bytes[0] == kIsFile) {
    Load(bytes, {});
    return;
  }
  Choices choices(bytes);
  choices.Byte();
  const int64_t opset = choices.Coin() ? 25 : choices.Int(7, 25);
  const WildGraph wild = MakeWildGraph(choices);
  const std::string file = ModelBytes(wild.graph, opset);
  Load({reinterpret_cast<const uint8_t*>(file.data()), file.size()},
       wild.inputs);
}

}  // namespace squint
