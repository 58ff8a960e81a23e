// ONNX files to graphs and back, bytes only: nothing here knows what an
// operator means. Weights stay in the mapped file where they are aligned.
#ifndef SQUINT_ONNX_ONNX_H_
#define SQUINT_ONNX_ONNX_H_

#include <cstddef>
#include <filesystem>
#include <string>

#include "squint/base/context.h"
#include "squint/graph/graph.h"

namespace squint {

struct ReadOnnxResult {
  Graph graph;       // as the file has it: its own opset, Q/DQ as nodes
  std::string hash;  // ContentHash of the model file and its external data
  size_t file_bytes = 0;      // model file
  size_t external_bytes = 0;  // external data files
};

// Errors (kIo, kInvalidModel, kUnsupported) name file, node and tensor.
// External data must lie inside the model's folder.
ReadOnnxResult ReadOnnx(const std::filesystem::path& path,
                        const Context& context = {});

struct WriteOnnxOptions {
  // Initializers of at least `external_threshold` bytes go to
  // <name>.data beside the model; 0: only when the file would pass 2 GB.
  size_t external_threshold = 0;
};

// Writes the graph as it stands (its opset, ir_version, metadata). Values
// with QuantParams must have been laid out as nodes before (interchange).
// Streams: needs no copy of the weights. Written aside and renamed. Returns
// the bytes written, external data included.
size_t WriteOnnx(const Graph& graph, const std::filesystem::path& path,
                 const WriteOnnxOptions& options = {});

}  // namespace squint

#endif  // SQUINT_ONNX_ONNX_H_
