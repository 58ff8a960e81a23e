#include "conformance/test_case.h"

#include <algorithm>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/onnx/external_files.h"
#include "squint/onnx/tensor_reader.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> Folders(const fs::path& parent, std::string_view prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(parent)) {
    if (entry.is_directory() &&
        entry.path().filename().string().starts_with(prefix)) {
      found.push_back(entry.path());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

Tensor ReadTensorFile(const fs::path& path) {
  const auto file = MappedFile::Open(path);
  const std::string_view bytes(
      reinterpret_cast<const char*>(file->bytes().data()),
      file->bytes().size());
  ExternalFiles external(path);
  TensorSource source{file, external, size_t{1} << 30};
  return ReadTensor(WireReader(bytes), source).tensor;
}

// The files have bfloat16 as uint16 of the same bits.
Tensor InDeclaredType(Tensor tensor, DType declared) {
  if (declared != DType::kBfloat16 || tensor.dtype() != DType::kUint16) {
    return tensor;
  }
  return {declared, tensor.dims(), tensor.buffer()};
}

std::vector<Tensor> ReadValues(const fs::path& folder, std::string_view what,
                               const Graph& graph,
                               const std::vector<ValueId>& ids) {
  std::vector<Tensor> values;
  for (const ValueId id : ids) {
    if (!graph.value(id).type_bytes.empty()) {
      Fail(ErrorCode::kUnsupported, "'{}' is no tensor", graph.value(id).name);
    }
    values.push_back(
        ReadTensorFile(folder / fmt::format("{}_{}.pb", what, values.size())));
  }
  return values;
}

}  // namespace

std::vector<TestCase> FindCases(const fs::path& folder) {
  std::vector<TestCase> cases;
  for (const fs::path& path : Folders(folder, "test_")) {
    cases.push_back({path.filename().string(), path / "model.onnx",
                     Folders(path, "test_data_set_")});
  }
  if (cases.empty()) {
    Fail(ErrorCode::kIo, "{} holds no test_* folder", folder.string());
  }
  return cases;
}

DataSet ReadDataSet(const fs::path& folder, const Graph& graph) {
  return {ReadValues(folder, "input", graph, graph.inputs()),
          ReadValues(folder, "output", graph, graph.outputs())};
}

void BindInputs(Graph& graph, DataSet& data) {
  const std::vector<ValueId> inputs = graph.inputs();
  for (size_t i = 1; i < inputs.size(); ++i) {
    Value& value = graph.value(inputs[i]);
    value.constant = std::move(data.inputs[i]);
    value.shape = Shape::Of(value.constant.dims());
  }
  if (inputs.empty()) return;
  graph.SetInputs({inputs[0]});
  data.inputs.resize(1);
}

}  // namespace squint
