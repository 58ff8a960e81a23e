#include "squint/data/idx.h"

#include <algorithm>

#include "squint/base/file.h"
#include "squint/data/gunzip.h"

namespace squint {
namespace {

DType DTypeOfCode(int code) {
  switch (code) {
    case 0x08:
      return DType::kUint8;
    case 0x09:
      return DType::kInt8;
    case 0x0b:
      return DType::kInt16;
    case 0x0c:
      return DType::kInt32;
    case 0x0d:
      return DType::kFloat32;
    case 0x0e:
      return DType::kFloat64;
    default:
      return DType::kUndefined;
  }
}

uint32_t BigEndian32(std::span<const std::byte> bytes) {
  uint32_t value = 0;
  for (const std::byte byte : bytes.first(4)) {
    value = (value << 8) | std::to_integer<uint32_t>(byte);
  }
  return value;
}

// Reads type and dims; `header` must hold 4 + 4 * rank bytes.
Array ParseHeader(std::span<const std::byte> header, const std::string& file) {
  if (!LooksLikeIdx(header)) {
    Fail(ErrorCode::kInvalidArgument, "{}: is not an idx file", file);
  }
  Array array;
  array.file = file;
  array.big_endian = true;
  array.dtype = DTypeOfCode(std::to_integer<int>(header[2]));
  const auto rank = std::to_integer<size_t>(header[3]);
  if (header.size() < 4 + 4 * rank) {
    Fail(ErrorCode::kInvalidArgument, "{}: is cut off inside its header", file);
  }
  for (size_t i = 0; i < rank; ++i) {
    array.dims.push_back(BigEndian32(header.subspan(4 + 4 * i)));
  }
  return array;
}

size_t HeaderBytes(const Array& array) { return 4 + 4 * array.dims.size(); }

[[noreturn]] void FailTruncated(const Array& array, size_t needed,
                                size_t held) {
  Fail(ErrorCode::kInvalidArgument,
       "{}: is cut off: shape {} needs {} bytes, the file holds {}", array.file,
       DimsToString(array.dims), needed, held);
}

Array ReadGzipped(std::span<const std::byte> packed, const std::string& file) {
  constexpr size_t kLongestHeader = 4 + 4 * 255;
  size_t got = 0;
  const auto head = Gunzip(packed, kLongestHeader, file, &got);
  Array array = ParseHeader({head->data(), got}, file);
  const size_t header = HeaderBytes(array);
  const size_t needed = DeclaredBytes(array.dtype, array.dims, file);
  if (needed > MaxUnpacked(packed.size())) {
    FailTruncated(array, needed, packed.size());
  }
  const auto all = Gunzip(packed, header + needed, file, &got);
  if (got < header + needed) FailTruncated(array, needed, got - header);
  array.bytes = std::span(all->data(), got).subspan(header);
  array.owner = all;
  return array;
}

}  // namespace

bool LooksLikeIdx(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0} &&
         bytes[1] == std::byte{0} && bytes[3] != std::byte{0} &&
         DTypeOfCode(std::to_integer<int>(bytes[2])) != DType::kUndefined;
}

bool LooksLikeGzip(std::span<const std::byte> bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} &&
         bytes[1] == std::byte{0x8b};
}

Array ReadIdx(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  const auto bytes = file->bytes();
  if (LooksLikeGzip(bytes)) return ReadGzipped(bytes, path.string());
  Array array = ParseHeader(bytes, path.string());
  const size_t needed = DeclaredBytes(array.dtype, array.dims, array.file);
  array.bytes = bytes.subspan(HeaderBytes(array));
  if (array.bytes.size() < needed) {
    FailTruncated(array, needed, array.bytes.size());
  }
  array.owner = file;
  return array;
}

std::optional<std::filesystem::path> LabelsBeside(
    const std::filesystem::path& images) {
  std::string name = images.filename().string();
  const size_t word = name.find("images");
  if (word == std::string::npos) return std::nullopt;
  name.replace(word, 6, "labels");
  const size_t rank = name.find("idx3");
  if (rank != std::string::npos) name.replace(rank, 4, "idx1");
  std::string other =
      name.ends_with(".gz") ? name.substr(0, name.size() - 3) : name + ".gz";
  for (const std::string& candidate : {name, other}) {
    const auto path = images.parent_path() / candidate;
    if (std::filesystem::exists(path)) return path;
  }
  return std::nullopt;
}

}  // namespace squint
