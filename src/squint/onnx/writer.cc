// WriteOnnx: the ModelProto around the graph. All messages are built first,
// with references to the weights; then everything is streamed, the external
// data first, for its name follows from its content. The model is renamed into
// place last, so that it never names data that is not there.
#include <optional>
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

namespace fs = std::filesystem;

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

// External data is called <model file>.<hash of its content>.data, so that a
// model never finds the data of another one, whenever a writer was stopped.
constexpr size_t kHashDigits = 16;
constexpr std::string_view kDataSuffix = ".data";

std::string DataName(const std::string& model, std::string_view hash) {
  return fmt::format("{}.{}{}", model, hash.substr(0, kHashDigits),
                     kDataSuffix);
}

bool IsDataOf(std::string_view file, const std::string& model) {
  if (file.size() != DataName(model, std::string(kHashDigits, '0')).size() ||
      !file.starts_with(model + ".") || !file.ends_with(kDataSuffix)) {
    return false;
  }
  const std::string_view hash = file.substr(model.size() + 1, kHashDigits);
  return hash.find_first_not_of("0123456789abcdef") == hash.npos;
}

// Data of earlier models of this name, and of writers that were stopped
// before their model was renamed.
void RemoveOtherData(const fs::path& model, std::string_view kept) {
  const std::string name = model.filename().string();
  const fs::path folder = FolderOf(model);
  for (const std::string& file : NamesIn(folder)) {
    std::error_code ignored;
    if (file != kept && IsDataOf(file, name)) {
      fs::remove(folder / file, ignored);
    }
  }
}

class Writer {
 public:
  Writer(const Graph& graph, const fs::path& path,
         const WriteOnnxOptions& options)
      : graph_(graph), options_(options), file_(path) {}

  size_t Run() {
    threshold_ = options_.external_threshold;
    Rope model = Model(std::string(kHashDigits, '0'));
    if (model.size() > options_.max_model_bytes) {
      threshold_ = kForcedThreshold;
      model = Model(std::string(kHashDigits, '0'));
    }
    if (model.size() > options_.max_model_bytes) {
      Fail(ErrorCode::kUnsupported,
           "{}: {} bytes without its weights, a model file can have {}",
           file_.path().string(), model.size(), options_.max_model_bytes);
    }
    if (!external_->empty()) return WriteBoth();
    model.WriteTo(file_);
    file_.Finish();
    if (file_.is_device()) {
      file_.Commit();
      return file_.size();
    }
    const FolderLock lock(FolderOf(file_.path()));
    file_.Commit();
    RemoveOtherData(file_.path(), "");
    return file_.size();
  }

 private:
  // The model message, and where its external data will lie.
  Rope Model(std::string_view hash) {
    external_.emplace(DataName(file_.path().filename().string(), hash),
                      threshold_);
    return ModelMessage(graph_, *external_);
  }

  // Both are ready on the disk before the first is renamed; the model comes
  // last, and only then goes what the old one needed.
  size_t WriteBoth() {
    if (file_.is_device()) {
      Fail(ErrorCode::kUnsupported,
           "{}: is no regular file, and the model needs a data file beside it",
           file_.path().string());
    }
    OutputFile data(file_.path());
    const std::string hash = external_->WriteTo(data);
    data.Finish();
    Model(hash).WriteTo(file_);
    file_.Finish();
    const FolderLock lock(FolderOf(file_.path()));
    data.CommitAs(external_->location());
    file_.Commit();
    RemoveOtherData(file_.path(), external_->location());
    return file_.size() + data.size();
  }

  const Graph& graph_;
  const WriteOnnxOptions& options_;
  OutputFile file_;
  size_t threshold_ = 0;
  std::optional<ExternalLayout> external_;
};

}  // namespace

size_t WriteOnnx(const Graph& graph, const std::filesystem::path& path,
                 const WriteOnnxOptions& options) {
  VerifyGraph(graph);
  CheckComplete(graph);
  return Writer(graph, path, options).Run();
}

}  // namespace squint
