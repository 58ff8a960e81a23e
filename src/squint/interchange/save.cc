// Graph to file: quantization laid out as nodes, internal operators written
// out, the lowest versions.
#include "squint/interchange/interchange.h"
#include "squint/interchange/versions.h"
#include "squint/onnx/onnx.h"

namespace squint {

SaveResult SaveModel(const Graph& graph, const std::filesystem::path& path,
                     const SaveOptions& options) {
  try {
    Graph laid = LayOutQuantization(graph);
    SetLowestVersions(laid);
    SaveResult result;
    result.opset = laid.opset[""];
    result.ir_version = laid.ir_version;
    result.bytes = WriteOnnx(
        laid, path, {.external_threshold = options.external_threshold});
    return result;
  } catch (const Error& error) {
    throw error.In(path.string());
  }
}

}  // namespace squint
