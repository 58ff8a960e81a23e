// A dataset as an emitted network reads it, and what the engine's fixed-point
// arithmetic makes of it: for running whole evaluation splits through C.
// usage: edge_vectors MODEL DATA FOLDER [COUNT]
// Writes FOLDER/inputs.bin and FOLDER/expected.bin, sample by sample, the
// integers of all inputs and outputs.
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "squint/api/jobs.h"
#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/emit/network.h"
#include "squint/fixed/lower.h"
#include "squint/fixed/session.h"

namespace squint {
namespace {

void WriteStored(const Tensor& real, const Port& port, OutputFile& file) {
  const Tensor stored =
      QuantizeTensor(real, PerTensor(port.dtype, port.scale, port.zero));
  file.Write(std::span(stored.raw(), stored.bytes()));
}

int64_t Write(const std::string& model, const std::string& data,
              const std::filesystem::path& folder, int64_t limit) {
  const Context context;
  const Prepared prepared =
      PrepareToRun(model, Execution::kFixed, FloatFormat::kFloat32, context);
  DataRequest request;
  request.source = data;
  request.limit = limit;
  const auto dataset = OpenData(request, *prepared.graph, context);
  FixedSession session(*prepared.graph);
  OutputFile inputs(folder / "inputs.bin");
  OutputFile expected(folder / "expected.bin");
  std::optional<FixedNetwork> network;
  int64_t count = 0;
  for (const int64_t index : SampleIndices(request, dataset->size())) {
    const Sample sample = dataset->Get(index);
    if (!network) {
      std::vector<Dims> dims;
      for (const Tensor& input : sample.inputs) dims.push_back(input.dims());
      network = MakeNetwork(LowerToFixed(*prepared.graph), dims);
    }
    const std::vector<Tensor> outputs = session.Run(sample.inputs);
    for (size_t i = 0; i < sample.inputs.size(); ++i) {
      WriteStored(sample.inputs[i], network->inputs[i], inputs);
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      WriteStored(outputs[i], network->outputs[i], expected);
    }
    ++count;
  }
  inputs.Commit();
  expected.Commit();
  return count;
}

}  // namespace
}  // namespace squint

int main(int argc, char** argv) try {
  if (argc < 4) return 2;
  const int64_t limit = argc > 4 ? std::stoll(argv[4]) : 0;
  fmt::print("{}\n", squint::Write(argv[1], argv[2], argv[3], limit));
  return 0;
} catch (const squint::Error& error) {
  fmt::print(stderr, "{}\n", error.message());
  return 1;
}
