#include "squint/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "squint/base/error.h"

namespace squint {
namespace {

constexpr size_t kWriteBlock = size_t{1} << 20;

// Closes a descriptor at the end of a scope, also when something throws.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::Open(
    const std::filesystem::path& path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) {
    Fail(ErrorCode::kIo, "{}: cannot open: {}", path.string(),
         std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) {
    Fail(ErrorCode::kIo, "{}: cannot read its size: {}", path.string(),
         std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    Fail(ErrorCode::kIo, "{}: is a folder, expected a file", path.string());
  }
  if (!S_ISREG(status.st_mode)) {
    Fail(ErrorCode::kIo, "{}: is not a regular file", path.string());
  }
  std::shared_ptr<MappedFile> result(new MappedFile());
  result->path_ = path;
  result->size_ = static_cast<size_t>(status.st_size);
  if (result->size_ > 0) {
    void* data =
        ::mmap(nullptr, result->size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
    if (data == MAP_FAILED) {
      Fail(ErrorCode::kIo, "{}: cannot map {} bytes: {}", path.string(),
           result->size_, std::strerror(errno));
    }
    result->data_ = static_cast<const std::byte*>(data);
  }
  return result;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void ReleasePages(std::span<const std::byte> mapped) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(mapped.data()) / page * page;
  const auto end =
      (reinterpret_cast<uintptr_t>(mapped.data()) + mapped.size()) / page *
      page;
  // Private read-only pages of a file: nothing is lost.
  if (end > begin) {
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

std::string ReadTextFile(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  const auto bytes = file->bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  static std::atomic<int> counter = 0;
  if (std::filesystem::is_directory(path_)) {
    Fail(ErrorCode::kIo, "{}: is a folder, expected a file name",
         path_.string());
  }
  // A link keeps pointing where it does; a device or a pipe is written to,
  // never replaced.
  if (std::filesystem::is_symlink(path_)) {
    std::error_code dangling;
    const auto target = std::filesystem::canonical(path_, dangling);
    if (!dangling) path_ = target;
  }
  if (std::filesystem::exists(path_) &&
      !std::filesystem::is_regular_file(path_)) {
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) FailIo("cannot write");
    return;
  }
  temporary_ = path_;
  temporary_ += fmt::format(".{}.{}.partial", ::getpid(), counter++);
  descriptor_ =
      ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int error = errno;
    temporary_.clear();
    Fail(ErrorCode::kIo, "{}: cannot write: {}", path_.string(),
         std::strerror(error));
  }
}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
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
  std::string head;
  std::swap(head, pending_);
  for (std::string_view part :
       {std::string_view(head), std::string_view(data, bytes.size())}) {
    while (!part.empty()) {
      const ssize_t written = ::write(descriptor_, part.data(), part.size());
      if (written < 0) {
        if (errno == EINTR) continue;
        FailIo("cannot write");
      }
      part.remove_prefix(static_cast<size_t>(written));
    }
  }
}

void OutputFile::Write(std::string_view text) {
  Write(std::as_bytes(std::span(text.data(), text.size())));
}

void OutputFile::Finish() {
  if (descriptor_ < 0) return;
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      FailIo("cannot write");
    }
    rest.remove_prefix(static_cast<size_t>(written));
  }
  pending_.clear();
  if (::fsync(descriptor_) != 0 && errno != EINVAL) FailIo("cannot write");
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) FailIo("cannot close");
}

void OutputFile::Commit() {
  Finish();
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    FailIo("cannot rename");
  }
  temporary_.clear();
}

void WriteTextFile(const std::filesystem::path& path, std::string_view text) {
  OutputFile file(path);
  file.Write(text);
  file.Commit();
}

}  // namespace squint
