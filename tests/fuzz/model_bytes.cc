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
  ExternalLayout external("", 0);
  Rope model;
  model.AddInt(ModelField::kIrVersion, 10);
  model.AddMessage(ModelField::kGraph, GraphWriter(external).Write(graph));
  model.AddMessage(ModelField::kOpsetImport, OpsetMessage("", opset));
  model.AddMessage(ModelField::kOpsetImport, OpsetMessage("com.microsoft", 1));
  return model.ToString();
}

}  // namespace squint
