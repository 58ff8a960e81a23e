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
#include <vector>

namespace squint {

struct MappedRange;

// A whole regular file, mapped read-only. Lives as long as anyone holds it.
// One that is cut short meanwhile reads as zeros from there on, instead of
// ending the process with SIGBUS (whose handler the first Open() installs;
// faults elsewhere go to the handler that was there before).
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
  MappedRange* range_ = nullptr;
};

// Tells the system that these bytes are not needed for now. Where they lie in
// a MappedFile their pages leave the process and come back from the file when
// read again; other memory is left alone.
void ReleasePages(std::span<const std::byte> bytes);

// Error{kIo} when a file that is mapped now, by whomever in this process, was
// found cut short. Every commit of an OutputFile asks.
void CheckMappedFiles();

// The same for all files that were mapped at any time since the watch began:
// for whoever reports a result when the files are closed already.
class MappedFileWatch {
 public:
  MappedFileWatch();
  void Check() const;

 private:
  size_t begin_;  // files found cut short before
};

// The folder that a file is in; "." for a bare name.
std::filesystem::path FolderOf(const std::filesystem::path& file);

// Names in a folder, in no order; none when it cannot be read. By opendir:
// std::filesystem's iterator allocates where it must not throw, and would end
// the process where memory is short.
std::vector<std::string> NamesIn(const std::filesystem::path& folder);

std::string ReadTextFile(const std::filesystem::path& path);

// Writes `path` through a temporary file beside it. Commit() flushes, checks
// every error (a full disk shows only then) and renames; without Commit()
// the destructor removes the temporary and the old file stays. Devices and
// pipes (/dev/null) are written to directly; a link keeps pointing where it
// does. Temporaries are called <name>.<process>.<number>.partial and locked
// while they are written: what a killed process left behind is removed by
// the next OutputFile of the same path.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text);
  // Flushes the temporary to the disk, so that several files can be made
  // ready before the first is renamed. Commit() calls it when needed.
  void Finish();
  void Commit();
  // Commits under another name in the same folder, for names that follow
  // from what was written.
  void CommitAs(std::string_view name);
  size_t size() const { return size_; }  // bytes written so far
  // Where it goes, links followed.
  const std::filesystem::path& path() const { return path_; }
  bool is_device() const { return temporary_.empty(); }

 private:
  void Open();
  void WriteAll(std::string_view bytes);
  void FailIo(const char* what) const;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  size_t size_ = 0;
  bool finished_ = false;
  std::string pending_;
};

// Held while files of a folder are renamed and the ones they replace removed,
// so that no other process does the same in between. Waits; does nothing where
// the file system has no locks.
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int descriptor_;
};

void WriteTextFile(const std::filesystem::path& path, std::string_view text);

}  // namespace squint

#endif  // SQUINT_BASE_FILE_H_
