// TensorProto and SparseTensorProto to Tensor: in place from the mapped file
// where the bytes are aligned to the element size, else copied. Sizes are
// compared with the bytes that are there before anything is allocated.
#ifndef SQUINT_ONNX_TENSOR_READER_H_
#define SQUINT_ONNX_TENSOR_READER_H_

#include <cstddef>
#include <memory>
#include <string>

#include "squint/onnx/external_files.h"
#include "squint/onnx/wire.h"
#include "squint/tensor/tensor.h"

namespace squint {

// What tensors of one model are read from.
struct TensorSource {
  std::shared_ptr<const void> owner;  // keeps the message bytes alive
  ExternalFiles& external;
  size_t memory_limit;  // bytes of a tensor that cannot stay in the file
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
  std::string opaque_fields;  // doc string and metadata
};

// A tensor of strings has its string_data fields, tags included, as buffer.
NamedTensor ReadTensor(WireReader message, TensorSource& source);
// The dense equivalent.
NamedTensor ReadSparseTensor(WireReader message, TensorSource& source);

// An element type by its number in the file; Error{kUnsupported} for those
// that are newer than Squint, {kInvalidModel} for nonsense.
DType ReadDType(int64_t number);

}  // namespace squint

#endif  // SQUINT_ONNX_TENSOR_READER_H_
