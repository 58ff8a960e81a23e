// Tensors with data: constants of a graph, samples of a dataset, results of a
// run. The bytes are an immutable, reference-counted Buffer, so copying a
// Tensor copies no data; whoever made a Tensor may fill it before sharing.
#ifndef SQUINT_TENSOR_TENSOR_H_
#define SQUINT_TENSOR_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "squint/base/error.h"
#include "squint/tensor/dtype.h"

namespace squint {

using Dims = std::vector<int64_t>;

// Product of the dimensions; 1 for a scalar. Error{kInvalidModel} when a
// dimension is negative or the product overflows.
int64_t ElementCount(std::span<const int64_t> dims);
std::string DimsToString(std::span<const int64_t> dims);  // "[1,3,224,224]"
// Row-major strides in elements.
Dims StridesOf(std::span<const int64_t> dims);

// Immutable bytes: owned, borrowed from something kept alive (a mapped
// file), or computed piece by piece so that the writer can stream them.
class Buffer {
 public:
  using Compute = std::function<void(size_t offset, std::span<std::byte> out)>;

  static std::shared_ptr<Buffer> Allocate(size_t size);  // zeroed, 64-aligned
  static std::shared_ptr<const Buffer> Borrow(
      std::span<const std::byte> bytes, std::shared_ptr<const void> owner);
  static std::shared_ptr<const Buffer> Computed(size_t size, Compute compute);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  size_t size() const { return size_; }
  bool is_computed() const { return static_cast<bool>(compute_); }
  // Null for computed buffers: Read() them or Tensor::Materialize().
  const std::byte* data() const { return data_; }
  std::byte* mutable_data() { return owned_; }  // Allocate()d buffers only
  void Read(size_t offset, std::span<std::byte> out) const;

 private:
  Buffer() = default;
  const std::byte* data_ = nullptr;
  std::byte* owned_ = nullptr;
  size_t size_ = 0;
  std::shared_ptr<const void> owner_;
  Compute compute_;
};
using BufferRef = std::shared_ptr<const Buffer>;

class Tensor {
 public:
  Tensor() = default;  // dtype kUndefined: no tensor
  // Shares `data`; its size must be BytesOf(dtype, ElementCount(dims)).
  Tensor(DType dtype, Dims dims, BufferRef data);
  // A new tensor of zeros that the caller fills through mutable_data().
  Tensor(DType dtype, Dims dims);

  template <typename T>
  static Tensor Of(Dims dims, std::span<const T> values) {
    Tensor result(DTypeOf<T>(), std::move(dims));
    CheckInternal(static_cast<size_t>(result.size()) == values.size(),
                  "Tensor::Of: wrong number of values");
    std::copy(values.begin(), values.end(), result.mutable_data<T>());
    return result;
  }
  template <typename T>
  static Tensor Of(Dims dims, std::initializer_list<T> values) {
    return Of<T>(std::move(dims),
                 std::span<const T>(values.begin(), values.size()));
  }
  template <typename T>
  static Tensor Scalar(T value) {
    return Of<T>({}, {value});
  }

  bool empty() const { return dtype_ == DType::kUndefined; }
  DType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  int rank() const { return static_cast<int>(dims_.size()); }
  int64_t dim(int axis) const { return dims_[static_cast<size_t>(axis)]; }
  int64_t size() const { return count_; }  // elements
  size_t bytes() const { return data_ ? data_->size() : 0; }
  const BufferRef& buffer() const { return data_; }

  // Typed access; the type must be the dtype's (one byte a bool).
  template <typename T>
  const T* data() const {
    CheckInternal(DTypeOf<T>() == dtype_, "Tensor::data: wrong type");
    return reinterpret_cast<const T*>(raw());
  }
  template <typename T>
  std::span<const T> values() const {
    return {data<T>(), static_cast<size_t>(count_)};
  }
  template <typename T>
  T* mutable_data() {
    CheckInternal(DTypeOf<T>() == dtype_, "Tensor::mutable_data: wrong type");
    return reinterpret_cast<T*>(mutable_raw());
  }
  const std::byte* raw() const;  // Error{kInternal} for computed buffers
  std::byte* mutable_raw();      // Error{kInternal} unless sole owner

  // The same elements under other dimensions of equal count.
  Tensor Reshaped(Dims dims) const;
  // The same tensor with its bytes in memory (itself unless computed).
  Tensor Materialize() const;
  // A deep copy that mutable_data() may change.
  Tensor Clone() const;

  // Element conversions for any numeric dtype (int4 is unpacked).
  std::vector<float> ToFloats() const;
  std::vector<int64_t> ToInts() const;  // integers and bool only
  // Converts element by element: float to integer truncates toward zero and
  // saturates; to float16/bfloat16 rounds half to even.
  Tensor CastTo(DType dtype) const;

 private:
  DType dtype_ = DType::kUndefined;
  Dims dims_;
  int64_t count_ = 0;
  BufferRef data_;
  std::shared_ptr<Buffer> writable_;
};

// Element `index` of packed 4-bit or 2-bit (or whole-byte) integer data.
int ReadPacked(const std::byte* data, DType dtype, int64_t index);
void WritePacked(std::byte* data, DType dtype, int64_t index, int value);

}  // namespace squint

#endif  // SQUINT_TENSOR_TENSOR_H_
