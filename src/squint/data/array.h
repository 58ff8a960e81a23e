// An n-dimensional array as a data file holds it: typed bytes that somebody
// keeps alive, not yet tensors. The first axis usually counts samples.
#ifndef SQUINT_DATA_ARRAY_H_
#define SQUINT_DATA_ARRAY_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "squint/tensor/tensor.h"

namespace squint {

struct Array {
  DType dtype = DType::kUndefined;
  Dims dims;
  std::span<const std::byte> bytes;   // unaligned; at least what dims need
  std::shared_ptr<const void> owner;  // keeps `bytes` alive
  bool big_endian = false;
  bool mapped = false;  // bytes are a mapped file: Row() lets its pages go
  std::string file;  // for messages; "a.npz:x" for a member

  int64_t rows() const { return dims.empty() ? 0 : dims[0]; }
  // Element `index` of the first axis, copied; the axis is gone.
  Tensor Row(int64_t index) const;
  Tensor Whole() const;
};

// Bytes of an array that `file` declares; Error{kInvalidArgument} when they
// overflow, so that no absurd size is ever allocated.
size_t DeclaredBytes(DType dtype, const Dims& dims, const std::string& file);

}  // namespace squint

#endif  // SQUINT_DATA_ARRAY_H_
