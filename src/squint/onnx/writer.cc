// WriteOnnx: the ModelProto around the graph. All messages are built first,
// with references to the weights; then everything is streamed. The model is
// renamed into place last, so that it never names data that is not there.
#include <utility>

#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/onnx/graph_writer.h"
#include "squint/onnx/onnx.h"
#include "squint/onnx/proto_fields.h"
#include "squint/onnx/rope.h"
#include "squint/onnx/tensor_writer.h"

namespace squint {
namespace {

// Tensors from this size on leave a model that is too large for one file.
constexpr size_t kForcedThreshold = 1024;

Rope OpsetMessage(const std::string& domain, int64_t version) {
  Rope message;
  message.AddBytes(OpsetField::kDomain, domain);
  message.AddInt(OpsetField::kVersion, version);
  return message;
}

Rope EntryMessage(const std::string& key, const std::string& value) {
  Rope message;
  message.AddBytes(EntryField::kKey, key);
  message.AddBytes(EntryField::kValue, value);
  return message;
}

Rope ModelMessage(const Graph& graph, ExternalLayout& external) {
  Rope message;
  message.AddInt(ModelField::kIrVersion, graph.ir_version);
  message.AddText(ModelField::kProducerName, graph.producer_name);
  message.AddText(ModelField::kProducerVersion, graph.producer_version);
  message.AddMessage(ModelField::kGraph, GraphWriter(external).Write(graph));
  for (const auto& [domain, version] : graph.opset) {
    message.AddMessage(ModelField::kOpsetImport, OpsetMessage(domain, version));
  }
  for (const auto& [key, value] : graph.metadata) {
    message.AddMessage(ModelField::kMetadata, EntryMessage(key, value));
  }
  message.Append(graph.opaque_model_fields);
  return message;
}

void CheckComplete(const Graph& graph) {
  CheckInternal(graph.ir_version > 0 && !graph.opset.empty(),
                "WriteOnnx: the graph has no ir_version or no opset");
  ForEachGraph(graph, [](const Graph& nested) {
    for (const NodeId id : nested.order()) {
      for (const ValueId output : nested.node(id).outputs) {
        if (output == kNoValue || !nested.value(output).quant) continue;
        Fail(ErrorCode::kInternal,
             "WriteOnnx: tensor '{}' has quantization that was not laid out",
             nested.value(output).name);
      }
    }
  });
}

}  // namespace

size_t WriteOnnx(const Graph& graph, const std::filesystem::path& path,
                 const WriteOnnxOptions& options) {
  VerifyGraph(graph);
  CheckComplete(graph);
  std::filesystem::path data_path = path;
  data_path += ".data";
  const std::string location = data_path.filename().string();
  ExternalLayout external(location, options.external_threshold);
  Rope model = ModelMessage(graph, external);
  if (model.size() > options.max_model_bytes) {
    external = ExternalLayout(location, kForcedThreshold);
    model = ModelMessage(graph, external);
  }
  if (model.size() > options.max_model_bytes) {
    Fail(ErrorCode::kUnsupported,
         "{}: {} bytes without its weights, a model file can have {}",
         path.string(), model.size(), options.max_model_bytes);
  }
  OutputFile file(path);
  model.WriteTo(file);
  size_t total = file.size();
  if (!external.empty()) {
    OutputFile data(data_path);
    external.WriteTo(data);
    total += data.size();
    data.Finish();
    file.Finish();
    data.Commit();
  }
  file.Commit();
  return total;
}

}  // namespace squint
