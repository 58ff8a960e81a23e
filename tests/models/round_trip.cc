// Whether absorbing a quantized file and writing it again changes a bit of
// what it computes: the file as loaded, nothing absorbed, under the reference
// interpreter against three forms that came of it. One line of JSON a model.
// usage: squint_round_trip SCRATCH.onnx MODEL.onnx SAMPLE.npz...
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "squint/base/error.h"
#include "squint/base/json.h"
#include "squint/data/npz.h"
#include "squint/interchange/interchange.h"
#include "squint/ops/interpreter.h"

namespace squint {
namespace {

using Outputs = std::vector<std::vector<Tensor>>;  // by sample

std::vector<Tensor> ReadSample(const Graph& graph, const std::string& path) {
  std::map<std::string, Array> arrays = ReadNpz(path);
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    const auto it = arrays.find(value.name);
    if (it == arrays.end()) {
      Fail(ErrorCode::kInvalidArgument, "{}: no array '{}'", path, value.name);
    }
    const Tensor given = it->second.Whole();
    inputs.push_back(given.dtype() == value.dtype ? given
                                                  : given.CastTo(value.dtype));
  }
  return inputs;
}

Outputs Run(const Graph& graph,
            const std::vector<std::vector<Tensor>>& samples) {
  Outputs outputs;
  for (const auto& inputs : samples) {
    outputs.push_back(Interpret(graph, inputs));
  }
  return outputs;
}

bool SameBytes(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.dims() == b.dims() &&
         std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

// "same", or where the first difference is.
std::string Compare(const Graph& graph, const Outputs& got,
                    const Outputs& want) {
  for (size_t s = 0; s < want.size(); ++s) {
    for (size_t i = 0; i < want[s].size(); ++i) {
      if (SameBytes(got[s][i], want[s][i])) continue;
      return fmt::format("sample {}, output '{}' differs", s,
                         graph.value(graph.outputs()[i]).name);
    }
  }
  return "same";
}

// Nodes that convert or hold integers in stored form, by type.
std::map<std::string, int> IntegerNodes(const Graph& whole) {
  std::map<std::string, int> counts;
  ForEachGraph(whole, [&](const Graph& graph) {
    for (const NodeId id : graph.order()) {
      const std::string& type = graph.node(id).op_type;
      const bool integer = type.find("Linear") != std::string::npos ||
                           type.find("Integer") != std::string::npos ||
                           type.find("Quant") != std::string::npos ||
                           type == "QGemm" || type == "MatMulNBits";
      counts[type] += integer ? 1 : 0;
    }
  });
  std::erase_if(counts, [](const auto& count) { return count.second == 0; });
  return counts;
}

Json Check(const std::filesystem::path& scratch, const std::string& path,
           const std::vector<std::string>& sample_paths) {
  LoadedModel loaded = LoadModel(path);
  std::vector<std::vector<Tensor>> samples;
  for (const std::string& sample : sample_paths) {
    samples.push_back(ReadSample(loaded.graph, sample));
  }
  Json report = Json::object();
  report["nodes"] = IntegerNodes(loaded.graph);
  const Outputs want = Run(loaded.graph, samples);
  const auto check = [&](const char* what, const Graph& graph) {
    report[what] = Compare(graph, Run(graph, samples), want);
  };
  Absorb(loaded.graph);
  report["left"] = IntegerNodes(loaded.graph);
  check("absorbed", loaded.graph);
  SaveModel(loaded.graph, scratch);
  LoadedModel again = LoadModel(scratch);
  check("saved", again.graph);
  Absorb(again.graph);
  check("absorbed_again", again.graph);
  return report;
}

int Main(const std::vector<std::string>& args) {
  const auto start = std::chrono::steady_clock::now();
  Json report = Json::object();
  try {
    report = Check(args[0], args[1], {args.begin() + 2, args.end()});
  } catch (const std::exception& error) {
    report["error"] = error.what();
  }
  std::filesystem::remove(args[0]);
  report["seconds"] =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count();
  std::printf("%s\n", JsonText(report).c_str());
  return report.contains("error") ? 1 : 0;
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s SCRATCH.onnx MODEL.onnx SAMPLE.npz...\n",
                 argv[0]);
    return 2;
  }
  return squint::Main({argv + 1, argv + argc});
}
