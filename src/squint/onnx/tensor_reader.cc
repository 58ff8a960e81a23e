#include "squint/onnx/tensor_reader.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "squint/base/error.h"
#include "squint/base/file.h"
#include "squint/onnx/entries.h"
#include "squint/onnx/proto_fields.h"
#include "squint/tensor/rank.h"

namespace squint {
namespace {

// The fields of one TensorProto, as views into the file.
struct TensorFields {
  std::string name;
  int64_t data_type = 0;
  Dims dims;
  std::optional<std::string_view> raw;
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<int64_t> ints;  // int32_data, int64_data, uint64_data
  std::string strings;        // whole string_data fields
  int64_t string_count = 0;
  bool is_external = false;
  bool is_segment = false;
  std::map<std::string, std::string> external;
  std::string opaque;
};

TensorFields ReadFields(WireReader message) {
  TensorFields fields;
  while (message.Next()) {
    switch (message.field()) {
      case TensorField::kDims:
        message.Ints(fields.dims);
        break;
      case TensorField::kDataType:
        fields.data_type = message.Int();
        break;
      case TensorField::kSegment:
        fields.is_segment = true;
        message.Skip();
        break;
      case TensorField::kFloatData:
        message.Floats(fields.floats);
        break;
      case TensorField::kDoubleData:
        message.Doubles(fields.doubles);
        break;
      case TensorField::kInt32Data:
      case TensorField::kInt64Data:
      case TensorField::kUint64Data:
        message.Ints(fields.ints);
        break;
      case TensorField::kStringData:
        fields.strings += message.Keep();
        ++fields.string_count;
        break;
      case TensorField::kName:
        fields.name = message.Text();
        break;
      case TensorField::kRawData:
        fields.raw = message.Bytes();
        break;
      case TensorField::kExternalData:
        ReadEntry(message.Message(), fields.external);
        break;
      case TensorField::kDataLocation:
        fields.is_external = message.Int() == kDataLocationExternal;
        break;
      default:
        fields.opaque += message.Keep();
    }
  }
  return fields;
}

[[noreturn]] void FailSize(DType dtype, const Dims& dims, size_t needed,
                           size_t given, std::string_view unit) {
  Fail(ErrorCode::kInvalidModel, "{}{} needs {} {}, the file has {}",
       DTypeName(dtype), DimsToString(dims), needed, unit, given);
}

// What is not taken from the file in place.
Tensor NewTensor(DType dtype, const Dims& dims, const TensorSource& source) {
  const size_t bytes = BytesOf(dtype, ElementCount(dims));
  if (bytes > source.memory_limit) {
    Fail(ErrorCode::kOutOfMemory,
         "{}{} needs {} bytes of memory, the limit is {}", DTypeName(dtype),
         DimsToString(dims), bytes, source.memory_limit);
  }
  return {dtype, dims};
}

Tensor Copied(DType dtype, const Dims& dims, const void* data, size_t size,
              const TensorSource& source) {
  Tensor tensor = NewTensor(dtype, dims, source);
  if (size > 0) std::memcpy(tensor.mutable_raw(), data, size);
  return tensor;
}

// A byte other than 0 and 1 must never be read as a C++ bool.
bool IsPlainBool(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte b) { return std::to_integer<int>(b) <= 1; });
}

Tensor Normalized(const Dims& dims, std::span<const std::byte> bytes,
                  const TensorSource& source) {
  Tensor tensor = NewTensor(DType::kBool, dims, source);
  std::transform(bytes.begin(), bytes.end(), tensor.mutable_raw(),
                 [](std::byte b) { return std::byte{b != std::byte{0}}; });
  return tensor;
}

size_t AlignmentOf(DType dtype) {
  return static_cast<size_t>(std::clamp(BitsOf(dtype), 8, 64)) / 8;
}

Tensor FromBytes(DType dtype, const Dims& dims,
                 std::span<const std::byte> bytes,
                 const std::shared_ptr<const void>& owner,
                 const TensorSource& source) {
  const size_t needed = BytesOf(dtype, ElementCount(dims));
  if (bytes.size() != needed) {
    FailSize(dtype, dims, needed, bytes.size(), "bytes");
  }
  if (dtype == DType::kBool && !IsPlainBool(bytes)) {
    return Normalized(dims, bytes, source);
  }
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  if (bytes.empty() || address % AlignmentOf(dtype) != 0) {
    Tensor copy = Copied(dtype, dims, bytes.data(), bytes.size(), source);
    ReleasePages(bytes);
    return copy;
  }
  return {dtype, dims, Buffer::Borrow(bytes, owner)};
}

int64_t ParseNumber(const std::map<std::string, std::string>& entries,
                    const std::string& key, int64_t fallback) {
  const auto it = entries.find(key);
  if (it == entries.end()) return fallback;
  int64_t number = 0;
  const char* end = it->second.data() + it->second.size();
  const auto [stop, error] = std::from_chars(it->second.data(), end, number);
  if (error != std::errc() || stop != end || number < 0) {
    Fail(ErrorCode::kInvalidModel, "external data: {} is '{}'", key,
         it->second);
  }
  return number;
}

Tensor FromExternal(DType dtype, const TensorFields& fields,
                    TensorSource& source) {
  const auto location = fields.external.find("location");
  if (location == fields.external.end()) {
    Fail(ErrorCode::kInvalidModel, "external data without a location");
  }
  const size_t needed = BytesOf(dtype, ElementCount(fields.dims));
  const auto offset =
      static_cast<size_t>(ParseNumber(fields.external, "offset", 0));
  const auto length = static_cast<size_t>(
      ParseNumber(fields.external, "length", static_cast<int64_t>(needed)));
  if (length != needed) FailSize(dtype, fields.dims, needed, length, "bytes");
  const auto file = source.external.Open(location->second);
  const auto bytes = file->bytes();
  if (offset > bytes.size() || length > bytes.size() - offset) {
    Fail(ErrorCode::kInvalidModel,
         "external data '{}' has {} bytes, needed are {} at offset {}",
         location->second, bytes.size(), length, offset);
  }
  return FromBytes(dtype, fields.dims, bytes.subspan(offset, length), file,
                   source);
}

template <typename T>
Tensor FromFloats(DType dtype, const Dims& dims, const std::vector<T>& values,
                  const TensorSource& source) {
  const size_t needed = BytesOf(dtype, ElementCount(dims));
  if (values.size() * sizeof(T) != needed) {
    FailSize(dtype, dims, needed / sizeof(T), values.size(), "numbers");
  }
  return Copied(dtype, dims, values.data(), needed, source);
}

// Signed numbers as they are or as their bits; of bools any number is one.
void CheckFits(int64_t value, DType dtype, size_t width) {
  if (width == 8 || dtype == DType::kBool) return;
  const int64_t range = int64_t{1} << (8 * width);
  if (value >= -range / 2 && value < range) return;
  Fail(ErrorCode::kInvalidModel, "{} does not fit {}", value, DTypeName(dtype));
}

// Each entry holds one element, or one byte of packed small ones, in its low
// bytes; float16 and the like as their bits.
Tensor FromInts(DType dtype, const Dims& dims,
                const std::vector<int64_t>& values,
                const TensorSource& source) {
  const size_t bytes = BytesOf(dtype, ElementCount(dims));
  const size_t width = AlignmentOf(dtype);
  if (values.size() != bytes / width) {
    FailSize(dtype, dims, bytes / width, values.size(), "numbers");
  }
  Tensor tensor = NewTensor(dtype, dims, source);
  std::byte* out = tensor.mutable_raw();
  for (size_t i = 0; i < values.size(); ++i) {
    CheckFits(values[i], dtype, width);
    const int64_t value = dtype == DType::kBool ? values[i] != 0 : values[i];
    std::memcpy(out + i * width, &value, width);
  }
  return tensor;
}

Tensor FromStrings(const TensorFields& fields) {
  const int64_t count = ElementCount(fields.dims);
  if (count != fields.string_count) {
    FailSize(DType::kString, fields.dims, static_cast<size_t>(count),
             static_cast<size_t>(fields.string_count), "strings");
  }
  const auto owner = std::make_shared<const std::string>(fields.strings);
  const auto bytes = std::as_bytes(std::span(owner->data(), owner->size()));
  return {DType::kString, fields.dims, Buffer::Borrow(bytes, owner)};
}

void CheckRank(const Dims& dims) {
  if (dims.size() <= kMaxRank) return;
  Fail(ErrorCode::kUnsupported, "has {} dimensions, Squint takes up to {}",
       dims.size(), kMaxRank);
}

Tensor ToTensor(const TensorFields& fields, TensorSource& source) {
  CheckRank(fields.dims);
  const DType dtype = ReadDType(fields.data_type);
  if (fields.is_segment) {
    Fail(ErrorCode::kUnsupported, "stored in segments");
  }
  if (dtype == DType::kString) return FromStrings(fields);
  if (fields.is_external) return FromExternal(dtype, fields, source);
  if (fields.raw) {
    const auto bytes =
        std::as_bytes(std::span(fields.raw->data(), fields.raw->size()));
    return FromBytes(dtype, fields.dims, bytes, source.owner, source);
  }
  switch (dtype) {
    case DType::kFloat32:
    case DType::kComplex64:
      return FromFloats(dtype, fields.dims, fields.floats, source);
    case DType::kFloat64:
    case DType::kComplex128:
      return FromFloats(dtype, fields.dims, fields.doubles, source);
    default:
      return FromInts(dtype, fields.dims, fields.ints, source);
  }
}

// Where entry `entry` of a sparse tensor goes: its linear index is given,
// or its coordinates.
int64_t LinearIndex(const std::vector<int64_t>& indices, size_t entry,
                    size_t entries, const Dims& dims) {
  if (indices.size() == entries && dims.size() != 1) return indices[entry];
  int64_t linear = 0;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    const int64_t i = indices[entry * dims.size() + axis];
    if (i < 0 || i >= dims[axis]) return -1;
    linear = linear * dims[axis] + i;
  }
  return linear;
}

Tensor Densified(const Tensor& values, const Tensor& indices, const Dims& dims,
                 const TensorSource& source) {
  if (values.empty() || indices.dtype() != DType::kInt64 ||
      values.dtype() == DType::kString || BitsOf(values.dtype()) < 8) {
    Fail(ErrorCode::kUnsupported, "sparse tensor of this kind");
  }
  CheckRank(dims);
  const int64_t count = ElementCount(dims);
  const std::vector<int64_t> where = indices.ToInts();
  const auto entries = static_cast<size_t>(values.size());
  if (where.size() != entries && where.size() != entries * dims.size()) {
    Fail(ErrorCode::kInvalidModel, "sparse tensor: {} values, {} indices",
         entries, where.size());
  }
  Tensor dense = NewTensor(values.dtype(), dims, source);
  const auto width = static_cast<size_t>(BitsOf(values.dtype())) / 8;
  for (size_t i = 0; i < entries; ++i) {
    const int64_t at = LinearIndex(where, i, entries, dims);
    if (at < 0 || at >= count) {
      Fail(ErrorCode::kInvalidModel, "sparse tensor: an index is outside {}",
           DimsToString(dims));
    }
    std::memcpy(dense.mutable_raw() + static_cast<size_t>(at) * width,
                values.raw() + i * width, width);
  }
  return dense;
}

}  // namespace

DType ReadDType(int64_t number) {
  const auto last = static_cast<int64_t>(DType::kInt2);
  if (number >= 1 && number <= last) return static_cast<DType>(number);
  Fail(number > last ? ErrorCode::kUnsupported : ErrorCode::kInvalidModel,
       "element type {} is not known", number);
}

NamedTensor ReadTensor(WireReader message, TensorSource& source) {
  TensorFields fields = ReadFields(message);
  try {
    Tensor tensor = ToTensor(fields, source);
    return {std::move(fields.name), std::move(tensor),
            std::move(fields.opaque)};
  } catch (const Error& error) {
    throw error.In(fmt::format("tensor '{}'", fields.name));
  }
}

NamedTensor ReadSparseTensor(WireReader message, TensorSource& source) {
  NamedTensor values;
  NamedTensor indices;
  Dims dims;
  while (message.Next()) {
    switch (message.field()) {
      case SparseTensorField::kValues:
        values = ReadTensor(message.Message(), source);
        break;
      case SparseTensorField::kIndices:
        indices = ReadTensor(message.Message(), source);
        break;
      case SparseTensorField::kDims:
        message.Ints(dims);
        break;
      default:
        message.Skip();
    }
  }
  try {
    values.tensor = Densified(values.tensor, indices.tensor, dims, source);
  } catch (const Error& error) {
    throw error.In(fmt::format("tensor '{}'", values.name));
  }
  return values;
}

}  // namespace squint
