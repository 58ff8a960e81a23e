// For the tests: a folder of its own, and models put together field by field,
// so that they can break every rule.
#ifndef SQUINT_ONNX_TEST_MODELS_H_
#define SQUINT_ONNX_TEST_MODELS_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/onnx/onnx.h"
#include "squint/onnx/proto_fields.h"
#include "squint/onnx/rope.h"

namespace squint {

// A fresh folder, removed with all it holds.
class TestFolder {
 public:
  TestFolder() {
    std::string name = ::testing::TempDir() + "squint_onnx_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }
  int NumFiles() const {
    int count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(path_)) {
      ++count;
    }
    return count;
  }

 private:
  std::filesystem::path path_;
};

// The data file that a model was written with; empty without one.
inline std::filesystem::path DataOf(const TestFolder& folder,
                                    const std::string& model) {
  for (const auto& entry :
       std::filesystem::directory_iterator(folder.path())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(model + ".") && name.ends_with(".data")) {
      return entry.path();
    }
  }
  return {};
}

inline Rope InfoProto(std::string_view name) {
  Rope info;
  info.AddBytes(ValueInfoField::kName, name);
  return info;
}

inline Rope NodeProto(std::string_view op_type,
                      std::initializer_list<std::string_view> inputs,
                      std::initializer_list<std::string_view> outputs) {
  Rope node;
  for (const auto name : inputs) node.AddBytes(NodeField::kInput, name);
  for (const auto name : outputs) node.AddBytes(NodeField::kOutput, name);
  node.AddBytes(NodeField::kOpType, op_type);
  return node;
}

// float32[2] {1, 2}.
inline Rope FloatsProto(std::string_view name) {
  Rope tensor;
  tensor.AddInt(TensorField::kDims, 2);
  tensor.AddInt(TensorField::kDataType, 1);
  tensor.AddBytes(TensorField::kName, name);
  tensor.AddFloat(TensorField::kFloatData, 1.0f);
  tensor.AddFloat(TensorField::kFloatData, 2.0f);
  return tensor;
}

struct GraphProto {
  Rope bytes;
  GraphProto& Node(Rope node) { return Add(GraphField::kNode, node); }
  GraphProto& Input(std::string_view name) {
    return Add(GraphField::kInput, InfoProto(name));
  }
  GraphProto& Output(std::string_view name) {
    return Add(GraphField::kOutput, InfoProto(name));
  }
  GraphProto& Initializer(Rope tensor) {
    return Add(GraphField::kInitializer, tensor);
  }
  GraphProto& Add(uint32_t field, Rope message) {
    bytes.AddMessage(field, std::move(message));
    return *this;
  }
};

inline Rope ModelProto(const GraphProto& graph) {
  Rope opset;
  opset.AddBytes(OpsetField::kDomain, "");
  opset.AddInt(OpsetField::kVersion, 21);
  Rope model;
  model.AddInt(ModelField::kIrVersion, 10);
  model.AddMessage(ModelField::kGraph, graph.bytes);
  model.AddMessage(ModelField::kOpsetImport, opset);
  return model;
}

// Without the flush to the disk that WriteTextFile waits for.
inline void WriteBytes(const std::filesystem::path& path,
                       std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline ReadOnnxResult ReadBytes(std::string_view bytes) {
  const TestFolder folder;
  WriteBytes(folder / "model.onnx", bytes);
  return ReadOnnx(folder / "model.onnx");
}

inline Graph ReadProto(const GraphProto& graph) {
  return ReadBytes(ModelProto(graph).ToString()).graph;
}

// The error of f(); a message that says so when there is none.
template <typename F>
Error ErrorOf(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return Error(ErrorCode::kInternal, "no error");
}

// An empty graph that WriteOnnx takes.
inline Graph NewGraph(std::string_view name = "main") {
  Graph graph;
  graph.name = name;
  graph.ir_version = 10;
  graph.opset[""] = 21;
  return graph;
}

inline Graph WriteAndRead(const Graph& graph,
                          const WriteOnnxOptions& options = {}) {
  const TestFolder folder;
  WriteOnnx(graph, folder / "model.onnx", options);
  return ReadOnnx(folder / "model.onnx").graph;
}

}  // namespace squint

#endif  // SQUINT_ONNX_TEST_MODELS_H_
