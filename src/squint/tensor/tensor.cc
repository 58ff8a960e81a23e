#include "squint/tensor/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace squint {
namespace {

constexpr size_t kAlignment = 64;

template <typename To>
To Saturated(double value) {
  if constexpr (std::is_same_v<To, bool>) {
    return value != 0;
  } else if constexpr (std::is_integral_v<To>) {
    if (std::isnan(value)) return 0;
    const double low = static_cast<double>(std::numeric_limits<To>::min());
    const double high = static_cast<double>(std::numeric_limits<To>::max());
    if (value <= low) return std::numeric_limits<To>::min();
    if (value >= high) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

// Calls f(T{}) with the C++ type of a numeric dtype of whole bytes.
template <typename F>
void WithType(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32: return f(float{});
    case DType::kFloat64: return f(double{});
    case DType::kUint8: return f(uint8_t{});
    case DType::kInt8: return f(int8_t{});
    case DType::kUint16: return f(uint16_t{});
    case DType::kInt16: return f(int16_t{});
    case DType::kUint32: return f(uint32_t{});
    case DType::kInt32: return f(int32_t{});
    case DType::kUint64: return f(uint64_t{});
    case DType::kInt64: return f(int64_t{});
    case DType::kBool: return f(bool{});
    case DType::kFloat16: return f(Float16{});
    case DType::kBfloat16: return f(Bfloat16{});
    default:
      Fail(ErrorCode::kUnsupported, "no conversion for {}", DTypeName(dtype));
  }
}

template <typename T>
auto Widen(T value) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, Bfloat16>) {
    return ToFloat(value);
  } else {
    return value;
  }
}

template <typename To, typename From>
To ConvertElement(From value) {
  const auto wide = Widen(value);
  if constexpr (std::is_same_v<To, Float16>) {
    return ToFloat16(static_cast<float>(wide));
  } else if constexpr (std::is_same_v<To, Bfloat16>) {
    return ToBfloat16(static_cast<float>(wide));
  } else if constexpr (std::is_same_v<To, bool>) {
    return wide != 0;
  } else if constexpr (std::is_integral_v<To> &&
                       std::is_floating_point_v<decltype(wide)>) {
    return Saturated<To>(static_cast<double>(wide));
  } else {
    return static_cast<To>(wide);  // integers wrap, as ONNX Cast does
  }
}

bool IsPacked(DType dtype) {
  return dtype == DType::kInt4 || dtype == DType::kUint4 ||
         dtype == DType::kInt2 || dtype == DType::kUint2;
}

// Packed integers as one int8 or uint8 each.
Tensor Unpacked(const Tensor& tensor) {
  const bool is_signed = IsSigned(tensor.dtype());
  Tensor result(is_signed ? DType::kInt8 : DType::kUint8, tensor.dims());
  std::byte* out = result.mutable_raw();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    out[i] = static_cast<std::byte>(
        ReadPacked(tensor.raw(), tensor.dtype(), i));
  }
  return result;
}

}  // namespace

int64_t ElementCount(std::span<const int64_t> dims) {
  // Zeros are left out of the product, so that no product of some of the
  // dimensions (a stride) overflows either.
  int64_t count = 1;
  bool empty = false;
  for (const int64_t dim : dims) {
    empty = empty || dim == 0;
    if (dim < 0 ||
        __builtin_mul_overflow(count, std::max<int64_t>(dim, 1), &count)) {
      Fail(ErrorCode::kInvalidModel, "shape {} has no valid element count",
           DimsToString(dims));
    }
  }
  return empty ? 0 : count;
}

std::string DimsToString(std::span<const int64_t> dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

Dims StridesOf(std::span<const int64_t> dims) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * dims[i];
  }
  return strides;
}

std::shared_ptr<Buffer> Buffer::Allocate(size_t size) {
  std::shared_ptr<Buffer> result(new Buffer());
  const size_t rounded =
      std::max(kAlignment, (size + kAlignment - 1) / kAlignment * kAlignment);
  if (rounded < size) throw std::bad_alloc();
  // calloc leaves large blocks to the kernel's zero pages; 64 extra bytes
  // give the alignment.
  auto* block = static_cast<std::byte*>(std::calloc(rounded + kAlignment, 1));
  if (block == nullptr) {
    Fail(ErrorCode::kOutOfMemory, "cannot allocate {} bytes", size);
  }
  result->owner_ = std::shared_ptr<const void>(
      block, [](const void* p) { std::free(const_cast<void*>(p)); });
  const auto address = reinterpret_cast<uintptr_t>(block);
  result->owned_ = block + (kAlignment - address % kAlignment) % kAlignment;
  result->data_ = result->owned_;
  result->size_ = size;
  return result;
}

std::shared_ptr<const Buffer> Buffer::Borrow(
    std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  std::shared_ptr<Buffer> result(new Buffer());
  result->data_ = bytes.data();
  result->size_ = bytes.size();
  result->owner_ = std::move(owner);
  return result;
}

std::shared_ptr<const Buffer> Buffer::Computed(size_t size, Compute compute) {
  std::shared_ptr<Buffer> result(new Buffer());
  result->size_ = size;
  result->compute_ = std::move(compute);
  return result;
}

Buffer::~Buffer() = default;

void Buffer::Read(size_t offset, std::span<std::byte> out) const {
  CheckInternal(offset <= size_ && out.size() <= size_ - offset,
                "Buffer::Read: outside the buffer");
  if (out.empty()) return;
  if (compute_) {
    compute_(offset, out);
  } else {
    std::memcpy(out.data(), data_ + offset, out.size());
  }
}

Tensor::Tensor(DType dtype, Dims dims, BufferRef data)
    : dtype_(dtype),
      dims_(std::move(dims)),
      count_(ElementCount(dims_)),
      data_(std::move(data)) {
  CheckInternal(data_ != nullptr, "Tensor: no buffer");
  if (dtype_ != DType::kString) {
    CheckInternal(data_->size() == BytesOf(dtype_, count_),
                  "Tensor: buffer size differs from the shape's");
  }
}

Tensor::Tensor(DType dtype, Dims dims)
    : dtype_(dtype), dims_(std::move(dims)), count_(ElementCount(dims_)) {
  writable_ = Buffer::Allocate(BytesOf(dtype_, count_));
  data_ = writable_;
}

const std::byte* Tensor::raw() const {
  CheckInternal(data_ != nullptr && !data_->is_computed(),
                "Tensor::raw: bytes are not in memory");
  return data_->data();
}

std::byte* Tensor::mutable_raw() {
  CheckInternal(writable_ != nullptr, "Tensor::mutable_raw: shared bytes");
  return writable_->mutable_data();
}

Tensor Tensor::Reshaped(Dims dims) const {
  Tensor result = *this;
  CheckInternal(ElementCount(dims) == count_, "Tensor::Reshaped: other count");
  result.dims_ = std::move(dims);
  return result;
}

Tensor Tensor::Materialize() const {
  return data_ != nullptr && data_->is_computed() ? Clone() : *this;
}

Tensor Tensor::Clone() const {
  auto copy = Buffer::Allocate(data_->size());
  data_->Read(0, {copy->mutable_data(), data_->size()});
  Tensor result = *this;
  result.data_ = copy;
  result.writable_ = copy;
  return result;
}

std::vector<float> Tensor::ToFloats() const {
  const Tensor floats = CastTo(DType::kFloat32);
  const auto values = floats.values<float>();
  return {values.begin(), values.end()};
}

std::vector<int64_t> Tensor::ToInts() const {
  if (!IsInteger(dtype_) && dtype_ != DType::kBool) {
    Fail(ErrorCode::kInvalidModel, "expected integers, got {}",
         DTypeName(dtype_));
  }
  const Tensor ints = CastTo(DType::kInt64);
  const auto values = ints.values<int64_t>();
  return {values.begin(), values.end()};
}

Tensor Tensor::CastTo(DType dtype) const {
  if (dtype == dtype_) return Materialize();
  const Tensor source = IsPacked(dtype_) ? Unpacked(Materialize())
                                         : Materialize();
  if (IsPacked(dtype)) {
    Tensor result(dtype, dims_);
    const std::vector<float> values = source.ToFloats();
    for (int64_t i = 0; i < count_; ++i) {
      const double low = static_cast<double>(IntegerMin(dtype));
      const double high = static_cast<double>(IntegerMax(dtype));
      const double value = static_cast<double>(values[static_cast<size_t>(i)]);
      WritePacked(result.mutable_raw(), dtype, i,
                  static_cast<int>(std::clamp(std::trunc(value), low, high)));
    }
    return result;
  }
  Tensor result(dtype, dims_);
  WithType(source.dtype(), [&](auto from) {
    using From = decltype(from);
    const auto* in = reinterpret_cast<const From*>(source.raw());
    WithType(dtype, [&](auto to) {
      using To = decltype(to);
      auto* out = reinterpret_cast<To*>(result.mutable_raw());
      for (int64_t i = 0; i < count_; ++i) {
        out[i] = ConvertElement<To>(in[i]);
      }
    });
  });
  return result;
}

int ReadPacked(const std::byte* data, DType dtype, int64_t index) {
  const int bits = BitsOf(dtype);
  const int per_byte = 8 / bits;
  const int shift = static_cast<int>(index % per_byte) * bits;
  const int mask = (1 << bits) - 1;
  int value = (std::to_integer<int>(data[index / per_byte]) >> shift) & mask;
  if (IsSigned(dtype) && (value >> (bits - 1)) != 0) value -= 1 << bits;
  return value;
}

void WritePacked(std::byte* data, DType dtype, int64_t index, int value) {
  const int bits = BitsOf(dtype);
  const int per_byte = 8 / bits;
  const int shift = static_cast<int>(index % per_byte) * bits;
  const int mask = ((1 << bits) - 1) << shift;
  std::byte& target = data[index / per_byte];
  target = static_cast<std::byte>((std::to_integer<int>(target) & ~mask) |
                                  ((value << shift) & mask));
}

}  // namespace squint
