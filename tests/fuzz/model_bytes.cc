#include "model_bytes.h"

#include "squint/onnx/graph_writer.h"
#include "squint/onnx/proto_fields.h"
#include "squint/onnx/rope.h"

namespace squint {
namespace {

Rope OpsetMessage(std::string_view domain, int64_t version) {
  Rope message;
  message.AddBytes(OpsetField::kDomain, domain);
  message.AddInt(OpsetField::kVersion, version);
  return message;
}

}  // namespace

std::string ModelBytes(const Graph& graph, int64_t opset) {
  constexpr int64_t kIrVersion = 10;
  ExternalLayout external("", 0);
  Graph written = graph;
  written.ir_version = kIrVersion;  // older ones list initializers as inputs
  Rope model;
  model.AddInt(ModelField::kIrVersion, kIrVersion);
  model.AddMessage(ModelField::kGraph, GraphWriter(external).Write(written));
  model.AddMessage(ModelField::kOpsetImport, OpsetMessage("", opset));
  model.AddMessage(ModelField::kOpsetImport, OpsetMessage("com.microsoft", 1));
  return model.ToString();
}

}  // namespace squint
