// ONNX files to graphs and back, bytes only: nothing here knows what an
// operator means. Weights stay in the mapped file where they are aligned.
#ifndef SQUINT_ONNX_ONNX_H_
#define SQUINT_ONNX_ONNX_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include "squint/base/context.h"
#include "squint/graph/graph.h"

namespace squint {

struct ReadOnnxResult {
  Graph graph;            // as the file has it: its own opset, Q/DQ as nodes
  std::string hash;       // ContentHash of the model file and its external data
  size_t file_bytes = 0;  // model file
  size_t external_bytes = 0;  // external data files
};

// Errors (kIo, kInvalidModel, kUnsupported) name file, node and tensor.
// External data must lie inside the model's folder. Initializers that the
// file also lists as inputs are constants here, not inputs. A tensor of
// strings keeps them as TensorProto.string_data fields in its buffer.
ReadOnnxResult ReadOnnx(const std::filesystem::path& path,
                        const Context& context = {});

struct WriteOnnxOptions {
  // Tensors of at least `external_threshold` bytes go to a file beside the
  // model, <file name>.<hash of its content>.data; 0: only when the model
  // file would pass `max_model_bytes`.
  size_t external_threshold = 0;
  size_t max_model_bytes = INT32_MAX;  // what protobuf can read
};

// Writes the graph as it stands (its opset, ir_version, metadata), without
// constants that nothing reads. Values with QuantParams must have been laid
// out as nodes before (interchange). Inner values of known dtype get a
// value_info; one of dtype kUndefined gets none.
// Streams: needs no copy of the weights. Written aside and renamed: whenever
// the process is stopped, the old model or the new one is there, each with its
// data. Data files of this name that are no longer needed are removed. Returns
// the bytes written, external data included.
size_t WriteOnnx(const Graph& graph, const std::filesystem::path& path,
                 const WriteOnnxOptions& options = {});

}  // namespace squint

#endif  // SQUINT_ONNX_ONNX_H_
