#include "squint/data/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

#include "squint/base/file.h"

namespace squint {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kMaxRank = 32;  // NumPy's own limit

// The header is a Python dict literal such as
// {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file)
      : text_(text), file_(file) {}

  void Parse(Array* array) {
    ParseDescr(TextAfter("'descr':"), array);
    if (TextAfter("'fortran_order':").starts_with("True")) {
      Fail(ErrorCode::kUnsupported,
           "{}: the array is in Fortran order; save "
           "numpy.ascontiguousarray(x) instead",
           file_);
    }
    ParseShape(TextAfter("'shape':"), array);
  }

 private:
  std::string_view TextAfter(std::string_view key) const {
    const size_t at = text_.find(key);
    if (at == std::string_view::npos) {
      Fail(ErrorCode::kInvalidArgument, "{}: the .npy header has no {}", file_,
           key);
    }
    std::string_view rest = text_.substr(at + key.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    return rest;
  }

  void ParseDescr(std::string_view rest, Array* array) const {
    const size_t end = rest.find('\'', 1);
    if (!rest.starts_with('\'') || end == std::string_view::npos) {
      Fail(ErrorCode::kUnsupported,
           "{}: holds a structured array, expected plain numbers", file_);
    }
    const std::string_view descr = rest.substr(1, end - 1);
    array->dtype = DTypeOfDescr(descr);
    array->big_endian = descr.starts_with('>');
    if (array->dtype == DType::kUndefined) {
      Fail(ErrorCode::kUnsupported,
           "{}: element type '{}' is not supported; use float16/32/64, int8 "
           "to int64, uint8 to uint64 or bool",
           file_, descr);
    }
  }

  static DType DTypeOfDescr(std::string_view descr) {
    struct Row {
      std::string_view code;
      DType dtype;
    };
    static constexpr Row kRows[] = {
        {"f2", DType::kFloat16}, {"f4", DType::kFloat32},
        {"f8", DType::kFloat64}, {"i1", DType::kInt8},
        {"i2", DType::kInt16},   {"i4", DType::kInt32},
        {"i8", DType::kInt64},   {"u1", DType::kUint8},
        {"u2", DType::kUint16},  {"u4", DType::kUint32},
        {"u8", DType::kUint64},  {"b1", DType::kBool}};
    if (descr.size() != 3) return DType::kUndefined;
    for (const Row& row : kRows) {
      if (descr.substr(1) == row.code) return row.dtype;
    }
    return DType::kUndefined;
  }

  void ParseShape(std::string_view rest, Array* array) const {
    const size_t end = rest.find(')');
    if (!rest.starts_with('(') || end == std::string_view::npos) {
      Fail(ErrorCode::kInvalidArgument, "{}: the .npy header has no shape",
           file_);
    }
    rest = rest.substr(1, end - 1);
    while (true) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" ,"), rest.size()));
      if (rest.empty()) return;
      int64_t dim = 0;
      const auto [stop, error] =
          std::from_chars(rest.data(), rest.data() + rest.size(), dim);
      if (error != std::errc() || dim < 0 || array->dims.size() >= kMaxRank) {
        Fail(ErrorCode::kInvalidArgument,
             "{}: the .npy header declares an impossible shape", file_);
      }
      array->dims.push_back(dim);
      rest.remove_prefix(static_cast<size_t>(stop - rest.data()));
    }
  }

  std::string_view text_;
  const std::string& file_;
};

[[noreturn]] void FailTruncated(const std::string& file) {
  Fail(ErrorCode::kInvalidArgument, "{}: cut off inside the .npy header", file);
}

}  // namespace

Array ParseNpy(std::span<const std::byte> bytes,
               std::shared_ptr<const void> owner, const std::string& file) {
  if (bytes.size() < kMagic.size() ||
      std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    Fail(ErrorCode::kInvalidArgument, "{}: is not a .npy file", file);
  }
  // magic(6) major(1) minor(1) length(2 in version 1, else 4, little-endian)
  if (bytes.size() < 12) FailTruncated(file);
  const int major = std::to_integer<int>(bytes[6]);
  const size_t length_bytes = major == 1 ? 2 : 4;
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) {
    length |= std::to_integer<size_t>(bytes[8 + i]) << (8 * i);
  }
  const size_t start = 8 + length_bytes;
  if (bytes.size() - start < length) FailTruncated(file);
  Array array;
  array.file = file;
  HeaderParser({reinterpret_cast<const char*>(bytes.data()) + start, length},
               file)
      .Parse(&array);
  array.bytes = bytes.subspan(start + length);
  const size_t needed = DeclaredBytes(array.dtype, array.dims, file);
  if (array.bytes.size() < needed) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: is cut off: shape {} of {} needs {} bytes, the file holds {}",
         file, DimsToString(array.dims), DTypeName(array.dtype), needed,
         array.bytes.size());
  }
  array.owner = std::move(owner);
  return array;
}

Array ReadNpy(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  Array array = ParseNpy(file->bytes(), file, path.string());
  array.mapped = true;
  return array;
}

}  // namespace squint
