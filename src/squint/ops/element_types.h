// From a dtype to the C++ type that plain loops compute with. float16 and
// bfloat16 have no arithmetic here: such tensors are widened to float32,
// computed, and narrowed again (InComputeType / FromComputeType).
#ifndef SQUINT_OPS_ELEMENT_TYPES_H_
#define SQUINT_OPS_ELEMENT_TYPES_H_

#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "squint/base/error.h"
#include "squint/tensor/tensor.h"

namespace squint {

inline bool IsNarrowFloat(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBfloat16;
}

// float32 for float16 and bfloat16, any other tensor as it is.
inline Tensor InComputeType(const Tensor& tensor) {
  return IsNarrowFloat(tensor.dtype()) ? tensor.CastTo(DType::kFloat32)
                                       : tensor;
}
inline Tensor FromComputeType(Tensor result, DType wanted) {
  return IsNarrowFloat(wanted) ? result.CastTo(wanted) : std::move(result);
}

// Calls f(T{}) with the arithmetic type of `dtype`.
template <typename F>
void WithArithmeticType(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32:
      return f(float{});
    case DType::kFloat64:
      return f(double{});
    case DType::kUint8:
      return f(uint8_t{});
    case DType::kInt8:
      return f(int8_t{});
    case DType::kUint16:
      return f(uint16_t{});
    case DType::kInt16:
      return f(int16_t{});
    case DType::kUint32:
      return f(uint32_t{});
    case DType::kInt32:
      return f(int32_t{});
    case DType::kUint64:
      return f(uint64_t{});
    case DType::kInt64:
      return f(int64_t{});
    default:
      Fail(ErrorCode::kUnsupported, "cannot compute with {} elements",
           DTypeName(dtype));
  }
}

// A result in double as a T: cut toward zero, integers wrap around as below,
// beyond 64 bits they saturate.
template <typename T>
T FromDouble(double value) {
  if constexpr (std::is_integral_v<T>) {
    const double magnitude = value < 0 ? -value : value;
    if (magnitude < 0x1p64) {
      const auto bits = static_cast<uint64_t>(magnitude);
      return static_cast<T>(value < 0 ? 0 - bits : bits);
    }
    return value < 0 ? std::numeric_limits<T>::min()
                     : std::numeric_limits<T>::max();
  } else {
    return static_cast<T>(value);
  }
}

// a + b, a - b, a * b as hardware does it: integers wrap around.
template <typename T>
T WrapAdd(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return a + b;
  }
}
template <typename T>
T WrapSub(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  } else {
    return a - b;
  }
}
template <typename T>
T WrapMul(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}

}  // namespace squint

#endif  // SQUINT_OPS_ELEMENT_TYPES_H_
