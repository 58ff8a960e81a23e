// ReadOnnx: the ModelProto around the graph, and what is checked once all is
// read.
#include <optional>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/base/hash.h"
#include "squint/onnx/entries.h"
#include "squint/onnx/graph_reader.h"
#include "squint/onnx/model_reader.h"
#include "squint/onnx/onnx.h"
#include "squint/onnx/proto_fields.h"
#include "squint/onnx/wire.h"

namespace squint {
namespace {

// Everything of the model but the graph, which comes back unread: the
// imported operator sets may stand behind it.
std::optional<WireReader> ReadModelFields(WireReader message, Graph& model) {
  std::optional<WireReader> graph;
  while (message.Next()) {
    switch (message.field()) {
      case ModelField::kIrVersion:
        model.ir_version = message.Int();
        break;
      case ModelField::kProducerName:
        model.producer_name = message.Text();
        break;
      case ModelField::kProducerVersion:
        model.producer_version = message.Text();
        break;
      case ModelField::kGraph:
        if (graph) Fail(ErrorCode::kInvalidModel, "has two graphs");
        graph = message.Message();
        break;
      case ModelField::kOpsetImport:
        ReadOpset(message.Message(), model.opset);
        break;
      case ModelField::kMetadata:
        ReadEntry(message.Message(), model.metadata);
        break;
      default:
        model.opaque_model_fields += message.Keep();
    }
  }
  return graph;
}

std::string HashOf(const MappedFile& file, const ExternalFiles& external) {
  ContentHasher hasher;
  hasher.Add(file);
  external.AddTo(hasher);
  return hasher.Digest();
}

}  // namespace

Graph ReadModel(std::string_view bytes, TensorSource& source) {
  if (bytes.empty()) Fail(ErrorCode::kInvalidModel, "is empty");
  Graph model;
  const auto graph_message = ReadModelFields(WireReader(bytes), model);
  if (!graph_message) {
    Fail(ErrorCode::kInvalidModel, "has no graph, so it is no ONNX model");
  }
  Graph graph = GraphReader(source, 0).Read(*graph_message);
  graph.ir_version = model.ir_version;
  graph.opset = std::move(model.opset);
  graph.producer_name = std::move(model.producer_name);
  graph.producer_version = std::move(model.producer_version);
  graph.metadata = std::move(model.metadata);
  graph.opaque_model_fields = std::move(model.opaque_model_fields);
  // Files of IR versions 1 and 2 import nothing and mean version 1.
  if (graph.opset.empty()) graph.opset[""] = 1;
  ShareOpsets(graph);
  DescribeCaptures(graph);
  VerifyGraph(graph, true);
  return graph;
}

ReadOnnxResult ReadOnnx(const std::filesystem::path& path,
                        const Context& context) {
  const auto file = MappedFile::Open(path);
  const std::string_view bytes(
      reinterpret_cast<const char*>(file->bytes().data()),
      file->bytes().size());
  ExternalFiles external(path);
  TensorSource source{file, external, context.memory_limit};
  ReadOnnxResult result;
  try {
    result.graph = ReadModel(bytes, source);
  } catch (const Error& error) {
    CheckMappedFiles();  // what was read may be zeros
    throw error.In(path.string());
  }
  result.hash = HashOf(*file, external);
  CheckMappedFiles();
  result.file_bytes = bytes.size();
  result.external_bytes = external.bytes();
  return result;
}

}  // namespace squint
