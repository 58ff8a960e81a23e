#include "squint/api/new_folder.h"

#include <unistd.h>

#include <fstream>
#include <utility>

#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

// What is in the first bytes of every file that is written here.
constexpr std::string_view kMark = "Made by squint";
constexpr size_t kMarkWithin = 4096;

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

// A file may be replaced that is not there, or was written here.
bool MayBeReplaced(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return true;
  if (!fs::is_regular_file(status)) return false;
  std::string start(kMarkWithin, '\0');
  std::ifstream(path, std::ios::binary)
      .read(start.data(), static_cast<std::streamsize>(start.size()));
  return start.find(kMark) != std::string::npos;
}

}  // namespace

NewFolder::NewFolder(fs::path path, bool replace)
    : path_(WithoutSlash(std::move(path))),
      partial_(path_.string() + fmt::format(".{}.partial", getpid())) {
  if (path_.empty()) {
    Fail(ErrorCode::kInvalidArgument, "the folder to make has no name");
  }
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path_, error);
  if (status.type() == fs::file_type::not_found) return;
  if (!replace) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: exists already; --force replaces the files in it that squint "
         "wrote",
         path_.string());
  }
  if (!fs::is_directory(status)) {
    Fail(ErrorCode::kInvalidArgument, "{}: exists and is no folder",
         path_.string());
  }
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  fs::remove_all(partial_, ignored);
}

void NewFolder::Add(std::string_view name, std::string_view text) {
  CheckInternal(text.substr(0, kMarkWithin).find(kMark) != text.npos,
                "a written file does not say who made it");
  std::error_code error;
  fs::create_directories(partial_, error);
  Check(error, partial_, "make the folder");
  OutputFile file(partial_ / name);
  file.Write(text);
  file.Commit();
  names_.emplace_back(name);
}

void NewFolder::Commit() {
  if (fs::exists(fs::symlink_status(path_))) return Replace();
  std::error_code error;
  fs::rename(partial_, path_, error);
  Check(error, path_, "make the folder");
}

void NewFolder::Replace() {
  for (const std::string& name : names_) {
    if (MayBeReplaced(path_ / name)) continue;
    Fail(ErrorCode::kInvalidArgument,
         "{}: was not written by squint, whose file of that name would replace "
         "it; move it, or choose another folder",
         (path_ / name).string());
  }
  std::error_code error;
  const fs::path old = partial_ / "old";
  fs::create_directory(old, error);
  size_t moved = 0;
  while (!error && moved < names_.size()) Move(names_[moved++], old, error);
  if (!error) return;
  while (moved > 0) MoveBack(names_[--moved], old);
  Check(error, path_, "replace the files");
}

void NewFolder::Move(const std::string& name, const fs::path& old,
                     std::error_code& error) const {
  const fs::path target = path_ / name;
  std::error_code missing;
  if (fs::exists(fs::symlink_status(target, missing))) {
    fs::rename(target, old / name, error);
  }
  if (!error) fs::rename(partial_ / name, target, error);
}

// The new file, where there is one, is replaced by the old one or goes.
void NewFolder::MoveBack(const std::string& name, const fs::path& old) const {
  std::error_code ignored;
  const fs::path target = path_ / name;
  if (fs::exists(old / name, ignored)) {
    fs::rename(old / name, target, ignored);
  } else if (!fs::exists(partial_ / name, ignored)) {
    fs::remove(target, ignored);
  }
}

}  // namespace squint
