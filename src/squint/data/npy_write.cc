#include "squint/data/npy_write.h"

#if SQUINT_HAS_ARCHIVES
#include <zip.h>
#endif

#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {
namespace {

std::string_view NumpyType(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "<f4";
    case DType::kFloat64:
      return "<f8";
    case DType::kFloat16:
      return "<f2";
    case DType::kInt8:
      return "|i1";
    case DType::kUint8:
      return "|u1";
    case DType::kInt16:
      return "<i2";
    case DType::kUint16:
      return "<u2";
    case DType::kInt32:
      return "<i4";
    case DType::kUint32:
      return "<u4";
    case DType::kInt64:
      return "<i8";
    case DType::kUint64:
      return "<u8";
    case DType::kBool:
      return "|b1";
    default:
      Fail(ErrorCode::kUnsupported, ".npy has no type for {}",
           DTypeName(dtype));
  }
}

}  // namespace

std::string NpyBytes(const Tensor& tensor) {
  const bool widened = tensor.dtype() == DType::kBfloat16;
  const Tensor data =
      widened ? tensor.CastTo(DType::kFloat32) : tensor.Materialize();
  std::string shape;
  for (const int64_t dim : data.dims()) shape += fmt::format("{},", dim);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                  NumpyType(data.dtype()), shape);
  // The data starts at a multiple of 64; 10 bytes come before the header.
  header.append(63 - (header.size() + 10) % 64, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes.append(reinterpret_cast<const char*>(data.raw()), data.bytes());
  return bytes;
}

void WriteNpy(const std::filesystem::path& path, const Tensor& tensor) {
  WriteTextFile(path, NpyBytes(tensor));
}

#if SQUINT_HAS_ARCHIVES

void WriteNpz(const std::filesystem::path& path,
              const std::vector<std::pair<std::string, Tensor>>& tensors) {
  // libzip writes aside and renames in zip_close by itself.
  int error = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (archive == nullptr) {
    Fail(ErrorCode::kIo, "{}: cannot write (libzip error {})", path.string(),
         error);
  }
  std::vector<std::string> members;  // alive until zip_close
  members.reserve(tensors.size());
  for (const auto& [name, tensor] : tensors) {
    members.push_back(NpyBytes(tensor));
    zip_source_t* source = zip_source_buffer(archive, members.back().data(),
                                             members.back().size(), 0);
    const std::string file = name + ".npy";
    const auto index = zip_file_add(archive, file.c_str(), source,
                                    ZIP_FL_ENC_UTF_8 | ZIP_FL_OVERWRITE);
    if (index < 0) {
      zip_source_free(source);
      zip_discard(archive);
      Fail(ErrorCode::kIo, "{}: cannot add '{}'", path.string(), name);
    }
  }
  if (zip_close(archive) != 0) {
    const std::string why = zip_strerror(archive);
    zip_discard(archive);
    Fail(ErrorCode::kIo, "{}: {}", path.string(), why);
  }
}

#else

void WriteNpz(const std::filesystem::path& path,
              const std::vector<std::pair<std::string, Tensor>>&) {
  Fail(ErrorCode::kUnsupported,
       "{}: built without SQUINT_ARCHIVES, write .npy instead", path.string());
}

#endif

}  // namespace squint
