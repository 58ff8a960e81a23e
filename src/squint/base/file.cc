#include "squint/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "squint/base/error.h"

namespace squint {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWriteBlock = size_t{1} << 20;
constexpr std::string_view kPartial = ".partial";

// "<name>.<process>.<number>.partial"
bool IsTemporaryOf(std::string_view file, std::string_view name) {
  if (!file.starts_with(name) || !file.ends_with(kPartial)) return false;
  file.remove_prefix(name.size());
  file.remove_suffix(std::min(file.size(), kPartial.size()));
  return file.size() >= 4 && file[0] == '.' &&
         std::count(file.begin(), file.end(), '.') == 2 &&
         file.find_first_not_of(".0123456789") == file.npos;
}

// The temporary is nobody's when its lock is free: the system frees it
// however its process ends.
void RemoveIfAbandoned(const fs::path& temporary) {
  const int descriptor = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) ::unlink(temporary.c_str());
  ::close(descriptor);
}

// A folder that cannot be read is told of when the output is made in it.
void RemoveAbandoned(const fs::path& path) {
  const std::string name = path.filename().string();
  const fs::path folder = FolderOf(path);
  for (const std::string& file : NamesIn(folder)) {
    if (IsTemporaryOf(file, name)) RemoveIfAbandoned(folder / file);
  }
}

// Makes a rename last, as fsync makes a file's bytes last.
void SyncFolder(const fs::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

fs::path FolderOf(const fs::path& file) {
  const fs::path folder = file.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

std::vector<std::string> NamesIn(const fs::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()),
                                                    ::closedir);
  std::vector<std::string> names;
  if (listing == nullptr) return names;
  while (const dirent* entry = ::readdir(listing.get())) {
    names.emplace_back(entry->d_name);
  }
  return names;
}

OutputFile::OutputFile(fs::path path) : path_(std::move(path)) {
  if (fs::is_directory(path_)) {
    Fail(ErrorCode::kIo, "{}: is a folder, expected a file name",
         path_.string());
  }
  if (fs::is_symlink(path_)) {
    std::error_code dangling;
    const auto target = fs::canonical(path_, dangling);
    if (!dangling) path_ = target;
  }
  if (fs::exists(path_) && !fs::is_regular_file(path_)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) FailIo("cannot write");
    return;
  }
  RemoveAbandoned(path_);
  Open();
}

void OutputFile::Open() {
  static std::atomic<int> counter = 0;
  struct stat status {};
  // Without a name left it was taken for abandoned before it was locked.
  while (status.st_nlink == 0) {
    if (descriptor_ >= 0) ::close(descriptor_);
    temporary_ = path_;
    temporary_ += fmt::format(".{}.{}{}", ::getpid(), counter++, kPartial);
    descriptor_ = ::open(temporary_.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno == EEXIST) continue;
    if (descriptor_ < 0) {
      const int error = errno;
      temporary_.clear();
      Fail(ErrorCode::kIo, "{}: cannot write: {}", path_.string(),
           std::strerror(error));
    }
    ::flock(descriptor_, LOCK_EX);
    if (::fstat(descriptor_, &status) != 0) FailIo("cannot write");
  }
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  if (descriptor_ >= 0) ::close(descriptor_);
}

void OutputFile::FailIo(const char* what) const {
  Fail(ErrorCode::kIo, "{}: {}: {}", path_.string(), what,
       std::strerror(errno));
}

void OutputFile::Write(std::span<const std::byte> bytes) {
  const char* data = reinterpret_cast<const char*>(bytes.data());
  size_ += bytes.size();
  if (pending_.size() + bytes.size() < kWriteBlock) {
    pending_.append(data, bytes.size());
    return;
  }
  WriteAll(std::exchange(pending_, {}));
  WriteAll({data, bytes.size()});
}

void OutputFile::Write(std::string_view text) {
  Write(std::as_bytes(std::span(text.data(), text.size())));
}

void OutputFile::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno != EFAULT) FailIo("cannot write");
      // A mapped file was cut short: read here, it becomes zeros and is
      // marked, which the system's own reading does not do.
      static_cast<void>(*static_cast<const volatile char*>(bytes.data()));
      continue;
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void OutputFile::Finish() {
  if (finished_) return;
  WriteAll(std::exchange(pending_, {}));
  if (::fsync(descriptor_) != 0 && errno != EINVAL) FailIo("cannot write");
  finished_ = true;
}

void OutputFile::Commit() { CommitAs(path_.filename().string()); }

void OutputFile::CommitAs(std::string_view name) {
  Finish();
  CheckMappedFiles();
  if (!is_device()) {
    const fs::path folder = FolderOf(path_);
    if (::rename(temporary_.c_str(), (folder / name).c_str()) != 0) {
      FailIo("cannot rename");
    }
    temporary_.clear();
    SyncFolder(folder);
  }
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) FailIo("cannot close");
}

FolderLock::FolderLock(const fs::path& folder)
    : descriptor_(::open(folder.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (descriptor_ >= 0) ::flock(descriptor_, LOCK_EX);
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void WriteTextFile(const fs::path& path, std::string_view text) {
  OutputFile file(path);
  file.Write(text);
  file.Commit();
}

}  // namespace squint
