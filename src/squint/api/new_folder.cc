#include "squint/api/new_folder.h"

#include <unistd.h>

#include <system_error>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

// What a folder that may be replaced holds.
constexpr const char* kMark = "memory.json";

// "out/" is "out".
fs::path WithoutSlash(fs::path path) {
  return path.has_filename() ? path : path.parent_path();
}

void Check(const std::error_code& error, const fs::path& path,
           std::string_view what) {
  if (!error) return;
  Fail(ErrorCode::kIo, "{}: cannot {}: {}", path.string(), what,
       error.message());
}

}  // namespace

NewFolder::NewFolder(fs::path path, bool replace)
    : path_(WithoutSlash(std::move(path))),
      partial_(path_.string() + fmt::format(".{}.partial", getpid())) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path_, error);
  if (status.type() == fs::file_type::not_found) return;
  if (!replace) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: exists already; --force replaces the folder", path_.string());
  }
  if (!fs::is_directory(status)) {
    Fail(ErrorCode::kInvalidArgument, "{}: exists and is no folder",
         path_.string());
  }
  if (!fs::is_empty(path_, error) && !fs::exists(path_ / kMark, error)) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: holds other files than those written here; they would be lost",
         path_.string());
  }
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  fs::remove_all(partial_, ignored);
}

void NewFolder::Add(std::string_view name, std::string_view text) {
  std::error_code error;
  fs::create_directories(partial_, error);
  Check(error, partial_, "make the folder");
  OutputFile file(partial_ / name);
  file.Write(text);
  file.Commit();
}

void NewFolder::Commit() {
  std::error_code error;
  const fs::path old = path_.string() + fmt::format(".{}.old", getpid());
  const bool replaces = fs::exists(fs::symlink_status(path_));
  if (replaces) {
    fs::rename(path_, old, error);
    Check(error, path_, "move the old folder");
  }
  fs::rename(partial_, path_, error);
  if (error && replaces) {
    std::error_code ignored;
    fs::rename(old, path_, ignored);
  }
  Check(error, path_, "make the folder");
  std::error_code ignored;
  fs::remove_all(old, ignored);
}

}  // namespace squint
