#include "squint/onnx/external_files.h"

#include <algorithm>
#include <system_error>

#include "squint/base/error.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

bool IsInside(const fs::path& file, const fs::path& folder) {
  const auto [end, unused] =
      std::mismatch(folder.begin(), folder.end(), file.begin(), file.end());
  return end == folder.end();
}

fs::path Canonical(const fs::path& path) {
  std::error_code error;
  fs::path canonical = fs::canonical(path, error);
  if (error) {
    Fail(ErrorCode::kIo, "{}: {}", path.string(), error.message());
  }
  return canonical;
}

fs::path RealFolderOf(const fs::path& file) {
  return Canonical(FolderOf(file));
}

// The file behind `location`, with every symbolic link resolved. A model
// that is itself a link may have its data beside the link or beside the
// file that the link names.
fs::path Resolve(const fs::path& model, const std::string& location) {
  const fs::path relative(location);
  const bool climbs =
      std::find(relative.begin(), relative.end(), "..") != relative.end();
  if (location.empty() || relative.is_absolute() || climbs) {
    Fail(ErrorCode::kInvalidModel,
         "external data '{}' is not inside the model's folder", location);
  }
  const fs::path folder = RealFolderOf(model);
  const fs::path file = Canonical(folder / relative);
  if (!IsInside(file, folder) &&
      !IsInside(file, RealFolderOf(Canonical(model)))) {
    Fail(ErrorCode::kInvalidModel,
         "external data '{}' is a link to '{}', outside the model's folder",
         location, file.string());
  }
  return file;
}

}  // namespace

std::shared_ptr<const MappedFile> ExternalFiles::Open(
    const std::string& location) {
  auto& file = files_[location];
  if (!file) file = MappedFile::Open(Resolve(model_, location));
  return file;
}

void ExternalFiles::AddTo(ContentHasher& hasher) const {
  for (const auto& [location, file] : files_) hasher.Add(*file);
}

size_t ExternalFiles::bytes() const {
  size_t total = 0;
  for (const auto& [location, file] : files_) total += file->bytes().size();
  return total;
}

}  // namespace squint
