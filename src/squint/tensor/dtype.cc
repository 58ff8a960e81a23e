#include "squint/tensor/dtype.h"

#include <array>
#include <bit>

#include "squint/base/error.h"

namespace squint {
namespace {

struct DTypeRow {
  std::string_view name;
  int bits;
};

constexpr std::array<DTypeRow, 27> kRows = {{
    {"undefined", 0},      {"float32", 32},   {"uint8", 8},
    {"int8", 8},           {"uint16", 16},    {"int16", 16},
    {"int32", 32},         {"int64", 64},     {"string", 0},
    {"bool", 8},           {"float16", 16},   {"float64", 64},
    {"uint32", 32},        {"uint64", 64},    {"complex64", 64},
    {"complex128", 128},   {"bfloat16", 16},  {"float8e4m3fn", 8},
    {"float8e4m3fnuz", 8}, {"float8e5m2", 8}, {"float8e5m2fnuz", 8},
    {"uint4", 4},          {"int4", 4},       {"float4e2m1", 4},
    {"float8e8m0", 8},     {"uint2", 2},      {"int2", 2},
}};

}  // namespace

std::string_view DTypeName(DType dtype) {
  const auto index = static_cast<size_t>(dtype);
  return index < kRows.size() ? kRows[index].name : "undefined";
}

DType DTypeFromName(std::string_view name) {
  for (size_t i = 1; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<DType>(i);
  }
  return DType::kUndefined;
}

int BitsOf(DType dtype) {
  const auto index = static_cast<size_t>(dtype);
  return index < kRows.size() ? kRows[index].bits : 0;
}

size_t BytesOf(DType dtype, int64_t count) {
  const auto bits = static_cast<int64_t>(BitsOf(dtype));
  int64_t total = 0;
  if (count < 0 || __builtin_mul_overflow(count, bits, &total) ||
      __builtin_add_overflow(total, int64_t{7}, &total)) {
    Fail(ErrorCode::kInvalidModel, "{} elements of {} are too many", count,
         DTypeName(dtype));
  }
  return static_cast<size_t>(total / 8);
}

bool IsFloat(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kFloat16 ||
         dtype == DType::kBfloat16 || dtype == DType::kFloat64;
}

bool IsSigned(DType dtype) {
  switch (dtype) {
    case DType::kInt8:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kInt4:
    case DType::kInt2:
      return true;
    default:
      return false;
  }
}

bool IsInteger(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
    case DType::kUint16:
    case DType::kUint32:
    case DType::kUint64:
    case DType::kUint4:
    case DType::kUint2:
      return true;
    default:
      return IsSigned(dtype);
  }
}

int64_t IntegerMin(DType dtype) {
  if (!IsSigned(dtype)) return 0;
  const int bits = BitsOf(dtype);
  if (bits < 1) return 0;  // a type without numbers
  return bits == 64 ? INT64_MIN : -(int64_t{1} << (bits - 1));
}

int64_t IntegerMax(DType dtype) {
  if (!IsInteger(dtype)) return 0;
  const int bits = BitsOf(dtype) - (IsSigned(dtype) ? 1 : 0);
  if (bits < 1) return 0;
  return bits >= 63 ? INT64_MAX : (int64_t{1} << bits) - 1;
}

float ToFloat(Bfloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

Bfloat16 ToBfloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return {static_cast<uint16_t>((bits >> 16) | 0x40u)};  // keep NaN a NaN
  }
  const uint32_t rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
  return {static_cast<uint16_t>(rounded >> 16)};
}

float ToFloat(Float16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1fu;
  const uint32_t mantissa = value.bits & 0x3ffu;
  if (exponent == 0x1f) {
    return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  }
  if (exponent == 0) {
    // Subnormal: mantissa * 2^-24, exact in float32.
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) |
                              (mantissa << 13));
}

Float16 ToFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) {  // 65520 and above round to infinity
    return {static_cast<uint16_t>(sign | 0x7c00u)};
  }
  if (magnitude < 0x38800000u) {
    // Below 2^-14: adding 0.5 aligns the last bit kept at 2^-24.
    const float sum = std::bit_cast<float>(magnitude) + 0.5f;
    const uint32_t kept = std::bit_cast<uint32_t>(sum) - 0x3f000000u;
    return {static_cast<uint16_t>(sign | kept)};
  }
  const uint32_t rounded =
      magnitude + 0xfffu + ((magnitude >> 13) & 1u) - (112u << 23);
  return {static_cast<uint16_t>(sign | (rounded >> 13))};
}

}  // namespace squint
