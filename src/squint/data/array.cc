#include "squint/data/array.h"

#include <algorithm>
#include <cstring>

#include "squint/base/file.h"

namespace squint {
namespace {

// Reverses the bytes of each element in place.
void SwapBytes(std::byte* data, size_t size, size_t element) {
  for (size_t i = 0; i + element <= size; i += element) {
    std::reverse(data + i, data + i + element);
  }
}

Tensor Copied(const Array& array, Dims dims, size_t offset) {
  Tensor result(array.dtype, std::move(dims));
  if (result.bytes() == 0) return result;
  std::memcpy(result.mutable_raw(), array.bytes.data() + offset,
              result.bytes());
  const auto element = static_cast<size_t>(BitsOf(array.dtype) / 8);
  if (array.big_endian && element > 1) {
    SwapBytes(result.mutable_raw(), result.bytes(), element);
  }
  return result;
}

}  // namespace

Tensor Array::Row(int64_t index) const {
  CheckInternal(index >= 0 && index < rows(), "Array::Row: out of range");
  Dims row(dims.begin() + 1, dims.end());
  const size_t stride = BytesOf(dtype, ElementCount(row));
  const size_t begin = static_cast<size_t>(index) * stride;
  Tensor copy = Copied(*this, std::move(row), begin);
  // Each sample is read once: without this a large file would stay in
  // memory page by page.
  if (mapped) ReleasePages(bytes.subspan(begin, stride));
  return copy;
}

Tensor Array::Whole() const { return Copied(*this, dims, 0); }

size_t DeclaredBytes(DType dtype, const Dims& dims, const std::string& file) {
  int64_t total = BitsOf(dtype) / 8;
  for (const int64_t dim : dims) {
    if (dim < 0 || __builtin_mul_overflow(total, dim, &total)) {
      Fail(ErrorCode::kInvalidArgument, "{}: declares an absurd shape {}", file,
           DimsToString(dims));
    }
  }
  return static_cast<size_t>(total);
}

}  // namespace squint
