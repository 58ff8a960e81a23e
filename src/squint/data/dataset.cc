// OpenDataset: which kind of source this is.
#include "squint/data/dataset.h"

#include <cstring>
#include <string_view>

#include "squint/base/file.h"
#include "squint/data/idx.h"
#include "squint/data/image.h"
#include "squint/data/sources.h"

namespace squint {
namespace {

bool StartsWith(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

DatasetRef OpenPath(const std::string& source,
                    const std::vector<InputSpec>& inputs,
                    const DatasetOptions& options) {
  const std::filesystem::path path(source);
  if (std::filesystem::is_directory(path)) {
    return OpenFolder(path, inputs, options);
  }
  if (path.extension() == ".json") return OpenJson(path, inputs, options);
  switch (KindOf(path)) {
    case FileKind::kNpy:
    case FileKind::kNpz:
    case FileKind::kIdx:
      return OpenArrayFile(path, inputs, options);
    case FileKind::kImage:
      return OpenImage(path, inputs, options);
    case FileKind::kUnknown:
      break;
  }
  Fail(ErrorCode::kInvalidArgument,
       "{}: not a kind of data that is known ({}); expected a folder of "
       "images, JPEG, PNG, .npy, .npz, idx, idx.gz, a dataset .json or the "
       "word random",
       source,
       MappedFile::Open(path)->bytes().empty() ? "the file is empty"
                                               : "by its first bytes");
}

}  // namespace

FileKind KindOf(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  const auto bytes = file->bytes();
  if (StartsWith(bytes, "\x93NUMPY")) return FileKind::kNpy;
  // An archive without members starts with its closing record, PK\5\6.
  if (StartsWith(bytes, "PK\3\4") || StartsWith(bytes, "PK\5\6")) {
    return FileKind::kNpz;
  }
  if (LooksLikeGzip(bytes) || LooksLikeIdx(bytes)) return FileKind::kIdx;
  if (LooksLikeImage(bytes)) return FileKind::kImage;
  return FileKind::kUnknown;
}

std::shared_ptr<const Dataset> OpenDataset(const std::string& source,
                                           const std::vector<InputSpec>& inputs,
                                           const DatasetOptions& options) {
  if (source == "random") return MakeRandomDataset(inputs, options);
  if (source == "synthetic") return MakeSyntheticDataset(inputs, options);
  try {
    return OpenPath(source, inputs, options);
  } catch (const std::filesystem::filesystem_error& error) {
    Fail(ErrorCode::kIo, "{}: {}", source, error.code().message());
  }
}

}  // namespace squint
