#include "squint/data/conform.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace squint {
namespace {

bool FitsFloat(DType from) {
  return IsFloat(from) || from == DType::kBool ||
         (IsInteger(from) && BitsOf(from) <= 16);
}

// Whether every value of an integer tensor is in the range of `to`.
bool ValuesFit(const Tensor& tensor, DType to) {
  if (tensor.dtype() == DType::kUint64) {
    const auto values = tensor.values<uint64_t>();
    const auto limit = to == DType::kUint64
                           ? std::numeric_limits<uint64_t>::max()
                           : static_cast<uint64_t>(IntegerMax(to));
    return std::ranges::all_of(values, [&](uint64_t v) { return v <= limit; });
  }
  const int64_t low = to == DType::kBool ? 0 : IntegerMin(to);
  const int64_t high = to == DType::kBool ? 1 : IntegerMax(to);
  return std::ranges::all_of(tensor.ToInts(), [&](int64_t value) {
    return value >= low && value <= high;
  });
}

Tensor ConformDType(const Tensor& stored, const InputSpec& input) {
  const DType from = stored.dtype();
  const DType to = input.dtype;
  if (from == to || to == DType::kUndefined) return stored;
  const bool from_integer = IsInteger(from) || from == DType::kBool;
  const bool to_integer = IsInteger(to) || to == DType::kBool;
  if (from_integer && to_integer) {
    if (!ValuesFit(stored, to)) {
      Fail(ErrorCode::kInvalidArgument,
           "input '{}' wants {}; the {} data hold values outside its range",
           input.name, DTypeName(to), DTypeName(from));
    }
    return stored.CastTo(to);
  }
  if (IsFloat(to) && FitsFloat(from)) return stored.CastTo(to);
  Fail(ErrorCode::kInvalidArgument,
       "input '{}' wants {}, the data are {}; if that is meant, describe the "
       "data in a dataset .json with \"dtype\": \"{}\"",
       input.name, DTypeName(to), DTypeName(from), DTypeName(to));
}

std::string WantedDims(const Dims& dims) {
  std::string text = "[";
  for (size_t i = 0; i < dims.size(); ++i) {
    text += i > 0 ? "," : "";
    text += dims[i] < 0 ? "?" : fmt::format("{}", dims[i]);
  }
  return text + "]";
}

[[noreturn]] void FailShape(const Tensor& stored, const InputSpec& input) {
  Fail(ErrorCode::kInvalidArgument,
       "input '{}' wants shape {}, the sample has {}", input.name,
       WantedDims(*input.dims), DimsToString(stored.dims()));
}

Tensor ConformDims(const Tensor& stored, const InputSpec& input) {
  Dims dims = stored.dims();
  if (!input.dims.has_value()) {
    dims.insert(dims.begin(), 1);
    return stored.Reshaped(std::move(dims));
  }
  const Dims& wanted = *input.dims;
  if (dims.size() + 1 == wanted.size()) dims.insert(dims.begin(), 1);
  if (dims.size() != wanted.size()) FailShape(stored, input);
  for (size_t i = 0; i < dims.size(); ++i) {
    if (wanted[i] >= 0 && wanted[i] != dims[i]) FailShape(stored, input);
  }
  return stored.Reshaped(std::move(dims));
}

// The sign cleared, NaN and Inf are the largest bit patterns.
template <typename Bits>
bool AllFinite(const Tensor& tensor, Bits infinity) {
  const auto* data = reinterpret_cast<const Bits*>(tensor.raw());
  constexpr Bits kNoSign = static_cast<Bits>(~Bits{0}) >> 1;
  Bits largest = 0;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    largest = std::max(largest, static_cast<Bits>(data[i] & kNoSign));
  }
  return largest < infinity;
}

bool IsFinite(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::kFloat32:
      return AllFinite<uint32_t>(tensor, 0x7f800000u);
    case DType::kFloat64:
      return AllFinite<uint64_t>(tensor, 0x7ff0000000000000u);
    case DType::kFloat16:
      return AllFinite<uint16_t>(tensor, 0x7c00u);
    case DType::kBfloat16:
      return AllFinite<uint16_t>(tensor, 0x7f80u);
    default:
      return true;
  }
}

}  // namespace

void CheckFinite(const Tensor& tensor) {
  if (tensor.size() == 0 || IsFinite(tensor)) return;
  const std::vector<float> values = tensor.ToFloats();
  const auto bad = std::ranges::find_if_not(
      values, [](float value) { return std::isfinite(value); });
  Fail(ErrorCode::kInvalidArgument,
       "holds {} at element {} of {}; samples must be finite",
       bad == values.end() ? "a value beyond float32"
                           : (std::isnan(*bad) ? "NaN" : "Inf"),
       bad - values.begin(), values.size());
}

Tensor ConformToInput(const Tensor& stored, const InputSpec& input) {
  const Tensor result = ConformDims(ConformDType(stored, input), input);
  if (result.size() == 0) {
    Fail(ErrorCode::kInvalidArgument, "input '{}' has no elements: shape {}",
         input.name, DimsToString(result.dims()));
  }
  CheckFinite(result);
  return result;
}

int64_t LabelOf(const Tensor& tensor) {
  const bool integer =
      IsInteger(tensor.dtype()) || tensor.dtype() == DType::kBool;
  if (!integer || tensor.size() != 1) {
    Fail(ErrorCode::kInvalidArgument,
         "a label must be one integer, got {} of shape {}",
         DTypeName(tensor.dtype()), DimsToString(tensor.dims()));
  }
  return tensor.ToInts()[0];
}

}  // namespace squint
