// Files: read by mapping, written aside and renamed, so that a half-written
// output is never left behind.
#ifndef SQUINT_BASE_FILE_H_
#define SQUINT_BASE_FILE_H_

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace squint {

// A whole regular file, mapped read-only. Lives as long as anyone holds it.
class MappedFile {
 public:
  // Throws Error{kIo} when the file is missing, a folder or unreadable.
  static std::shared_ptr<const MappedFile> Open(
      const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Tells the system that these bytes of a MappedFile are not needed for now:
// their pages leave the process and come back from the file when read again.
void ReleasePages(std::span<const std::byte> mapped);

std::string ReadTextFile(const std::filesystem::path& path);

// Writes `path` through a temporary file beside it. Commit() flushes, checks
// every error (a full disk shows only then) and renames; without Commit()
// the destructor removes the temporary and the old file stays. Devices and
// pipes (/dev/null) are written to directly.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text);
  // Flushes and closes the temporary, so that several files can be made
  // ready before the first is renamed. Commit() calls it when needed.
  void Finish();
  void Commit();
  size_t size() const { return size_; }  // bytes written so far

 private:
  void FailIo(const char* what) const;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  size_t size_ = 0;
  std::string pending_;
};

void WriteTextFile(const std::filesystem::path& path, std::string_view text);

}  // namespace squint

#endif  // SQUINT_BASE_FILE_H_
