#include "squint/onnx/tensor_writer.h"

#include <algorithm>
#include <utility>

#include "squint/base/hash.h"
#include "squint/onnx/entries.h"
#include "squint/onnx/proto_fields.h"
#include "squint/tensor/pieces.h"

namespace squint {
namespace {

// Page size: the ONNX specification asks for it so that tensors can be
// mapped one by one.
constexpr size_t kExternalAlignment = 4096;

Rope Entry(std::string_view key, std::string_view value) {
  Rope entry;
  entry.AddBytes(EntryField::kKey, key);
  entry.AddBytes(EntryField::kValue, value);
  return entry;
}

void AddExternal(Rope& message, const Tensor& tensor,
                 ExternalLayout& external) {
  const size_t offset = external.Place(tensor.buffer());
  message.AddMessage(TensorField::kExternalData,
                     Entry("location", external.location()));
  message.AddMessage(TensorField::kExternalData,
                     Entry("offset", std::to_string(offset)));
  message.AddMessage(TensorField::kExternalData,
                     Entry("length", std::to_string(tensor.bytes())));
  message.AddInt(TensorField::kDataLocation, kDataLocationExternal);
}

}  // namespace

bool ExternalLayout::Takes(const Tensor& tensor) const {
  return threshold_ > 0 && tensor.bytes() >= threshold_ &&
         tensor.dtype() != DType::kString;
}

size_t ExternalLayout::Place(const BufferRef& buffer) {
  const size_t offset =
      (end_ + kExternalAlignment - 1) / kExternalAlignment * kExternalAlignment;
  parts_.push_back({offset, buffer});
  end_ = offset + buffer->size();
  return offset;
}

std::string ExternalLayout::WriteTo(OutputFile& file) const {
  const std::vector<std::byte> zeros(kExternalAlignment);
  ContentHasher hasher;
  const auto write = [&](std::span<const std::byte> bytes) {
    hasher.Add(bytes);
    file.Write(bytes);
  };
  for (const Part& part : parts_) {
    write(std::span(zeros).first(part.offset - file.size()));
    ForEachPiece(*part.buffer, kWritePiece, write);
  }
  return hasher.Digest();
}

Rope TensorMessage(const Tensor& tensor, std::string_view name,
                   std::string_view opaque_fields, ExternalLayout& external) {
  Rope message;
  for (const int64_t dim : tensor.dims()) {
    message.AddInt(TensorField::kDims, dim);
  }
  message.AddInt(TensorField::kDataType, static_cast<int64_t>(tensor.dtype()));
  message.AddText(TensorField::kName, name);
  if (tensor.dtype() == DType::kString) {
    message.Append(tensor.buffer());
  } else if (external.Takes(tensor)) {
    AddExternal(message, tensor, external);
  } else if (tensor.bytes() > 0) {
    message.AddPayload(TensorField::kRawData, tensor.buffer());
  }
  message.Append(
      SelectFields(opaque_fields, {TensorField::kDoc, TensorField::kMetadata}));
  return message;
}

}  // namespace squint
