// Element types. The numbers are those of ONNX TensorProto.DataType, so that
// a file's number is the enumerator. A type knows its bits; one function
// turns element counts into bytes (int4 and int2 are packed, low part first).
#ifndef SQUINT_TENSOR_DTYPE_H_
#define SQUINT_TENSOR_DTYPE_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace squint {

enum class DType : uint8_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
};

// "float32", "uint8", ...; "undefined" for what is not in the list.
std::string_view DTypeName(DType dtype);
// The inverse; kUndefined for an unknown name.
DType DTypeFromName(std::string_view name);

int BitsOf(DType dtype);  // 0 for strings and kUndefined
// Bytes of `count` packed elements; Error{kInvalidModel} on overflow.
size_t BytesOf(DType dtype, int64_t count);

bool IsFloat(DType dtype);    // float16, bfloat16, float32, float64
bool IsInteger(DType dtype);  // every int and uint, not bool
bool IsSigned(DType dtype);   // signed integers
// Smallest and largest value of an integer type (up to 32 bits and int64).
int64_t IntegerMin(DType dtype);
int64_t IntegerMax(DType dtype);

// IEEE binary16 and bfloat16 as their bits; conversions round half to even.
struct Float16 {
  uint16_t bits = 0;
};
struct Bfloat16 {
  uint16_t bits = 0;
};
float ToFloat(Float16 value);
float ToFloat(Bfloat16 value);
Float16 ToFloat16(float value);
Bfloat16 ToBfloat16(float value);

template <typename T>
constexpr DType DTypeOf();
template <>
constexpr DType DTypeOf<float>() { return DType::kFloat32; }
template <>
constexpr DType DTypeOf<double>() { return DType::kFloat64; }
template <>
constexpr DType DTypeOf<uint8_t>() { return DType::kUint8; }
template <>
constexpr DType DTypeOf<int8_t>() { return DType::kInt8; }
template <>
constexpr DType DTypeOf<uint16_t>() { return DType::kUint16; }
template <>
constexpr DType DTypeOf<int16_t>() { return DType::kInt16; }
template <>
constexpr DType DTypeOf<uint32_t>() { return DType::kUint32; }
template <>
constexpr DType DTypeOf<int32_t>() { return DType::kInt32; }
template <>
constexpr DType DTypeOf<uint64_t>() { return DType::kUint64; }
template <>
constexpr DType DTypeOf<int64_t>() { return DType::kInt64; }
template <>
constexpr DType DTypeOf<bool>() { return DType::kBool; }
template <>
constexpr DType DTypeOf<Float16>() { return DType::kFloat16; }
template <>
constexpr DType DTypeOf<Bfloat16>() { return DType::kBfloat16; }

}  // namespace squint

#endif  // SQUINT_TENSOR_DTYPE_H_
