// Tensor to TensorProto: bytes inside the message, or in the external data
// file from a threshold on. No tensor is copied; both files are streamed.
#ifndef SQUINT_ONNX_TENSOR_WRITER_H_
#define SQUINT_ONNX_TENSOR_WRITER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "squint/base/file.h"
#include "squint/onnx/rope.h"
#include "squint/tensor/tensor.h"

namespace squint {

// The external data file in the making: where each tensor will lie.
class ExternalLayout {
 public:
  // Tensors of at least `threshold` bytes go out; 0: none.
  ExternalLayout(std::string location, size_t threshold)
      : location_(std::move(location)), threshold_(threshold) {}

  bool Takes(const Tensor& tensor) const;
  // Places the tensor's bytes; returns their offset.
  size_t Place(const BufferRef& buffer);

  const std::string& location() const { return location_; }
  bool empty() const { return parts_.empty(); }
  // Returns the ContentHash of what was written.
  std::string WriteTo(OutputFile& file) const;

 private:
  struct Part {
    size_t offset;
    BufferRef buffer;
  };
  std::string location_;
  size_t threshold_;
  std::vector<Part> parts_;
  size_t end_ = 0;
};

// `opaque_fields` as ReadTensor gave them; "" for none.
Rope TensorMessage(const Tensor& tensor, std::string_view name,
                   std::string_view opaque_fields, ExternalLayout& external);

}  // namespace squint

#endif  // SQUINT_ONNX_TENSOR_WRITER_H_
