// Mapped files and what happens when one is cut short under the mapping.
//
// Reading a page that the file no longer has raises SIGBUS, wherever the
// reading code stands: in a kernel, in a worker thread. So the handler does
// not unwind. It puts zeros where the file ended, marks the mapping and lets
// the reader go on; CheckMappedFiles() then turns the mark into an error
// before anything is reported or renamed. A fault outside of the mapped files
// goes to whoever handled SIGBUS before.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <vector>

#include "squint/base/error.h"
#include "squint/base/file.h"

namespace squint {

// One mapping as the signal handler sees it. Ranges are never freed, only
// used again, so that the handler walks the list without a lock.
struct MappedRange {
  std::atomic<uintptr_t> begin{0};  // 0: free
  std::atomic<uintptr_t> end{0};    // of the last page
  std::atomic<bool> cut{false};
  const MappedFile* file = nullptr;  // under the mutex
  MappedRange* next = nullptr;       // constant once in the list
};

namespace {

std::atomic<MappedRange*> first_range = nullptr;
std::mutex ranges_mutex;
std::vector<std::string> closed_cut;  // files, under the mutex
struct sigaction previous_action;

uintptr_t PageSize() {
  static const auto size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

// Safe in a signal handler.
MappedRange* FindRange(uintptr_t address) {
  MappedRange* range = first_range.load(std::memory_order_acquire);
  for (; range != nullptr; range = range->next) {
    if (address >= range->begin && address < range->end) return range;
  }
  return nullptr;
}

void PassOn(int signal, siginfo_t* info, void* context) {
  if ((previous_action.sa_flags & SA_SIGINFO) != 0) {
    previous_action.sa_sigaction(signal, info, context);
  } else if (previous_action.sa_handler != SIG_DFL &&
             previous_action.sa_handler != SIG_IGN) {
    previous_action.sa_handler(signal);
  } else {
    // The faulting instruction runs again and ends the process.
    ::sigaction(signal, &previous_action, nullptr);
  }
}

void OnBusError(int signal, siginfo_t* info, void* context) {
  const int saved = errno;
  const auto address = reinterpret_cast<uintptr_t>(info->si_addr);
  MappedRange* range = FindRange(address);
  const uintptr_t page = address / PageSize() * PageSize();
  // All that follows is beyond the end, too: one fault a thread, not one a
  // page.
  if (range != nullptr &&
      ::mmap(reinterpret_cast<void*>(page), range->end - page, PROT_READ,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED) {
    range->cut = true;
  } else {
    PassOn(signal, info, context);
  }
  errno = saved;
}

void InstallHandler() {
  PageSize();  // computed before the handler needs it
  struct sigaction action {};
  action.sa_sigaction = OnBusError;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &previous_action);
}

MappedRange* Register(const MappedFile* file,
                      std::span<const std::byte> bytes) {
  static std::once_flag installed;
  std::call_once(installed, InstallHandler);
  const std::lock_guard lock(ranges_mutex);
  MappedRange* range = first_range;
  while (range != nullptr && range->begin != 0) range = range->next;
  const bool is_new = range == nullptr;
  if (is_new) range = new MappedRange();
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  range->file = file;
  range->cut = false;
  range->end =
      (begin + bytes.size() + PageSize() - 1) / PageSize() * PageSize();
  range->begin = begin;
  if (is_new) {
    range->next = first_range;
    first_range.store(range, std::memory_order_release);
  }
  return range;
}

void Unregister(MappedRange* range) {
  const std::lock_guard lock(ranges_mutex);
  if (range->cut) closed_cut.push_back(range->file->path().string());
  range->file = nullptr;
  range->begin = 0;
  range->end = 0;
}

[[noreturn]] void FailCut(const std::string& path) {
  Fail(ErrorCode::kIo,
       "{}: could not be read to its end: it was cut short while in use, or "
       "its disk failed",
       path);
}

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
    result->range_ = Register(result.get(), result->bytes());
  }
  return result;
}

MappedFile::~MappedFile() {
  if (data_ == nullptr) return;
  Unregister(range_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

void ReleasePages(std::span<const std::byte> bytes) {
  const uintptr_t page = PageSize();
  const auto address = reinterpret_cast<uintptr_t>(bytes.data());
  const uintptr_t begin = address / page * page;
  const uintptr_t end = (address + bytes.size() + page - 1) / page * page;
  // Private read-only pages of a file: nothing is lost. Of other memory
  // everything would be.
  const MappedRange* range = FindRange(address);
  if (range == nullptr || end > range->end || end <= begin) return;
  ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

namespace {

// Of all files when `only` is null.
void CheckRanges(const MappedFile* only) {
  const std::lock_guard lock(ranges_mutex);
  for (const MappedRange* e = first_range; e != nullptr; e = e->next) {
    if (!e->cut || e->file == nullptr) continue;
    if (only == nullptr || e->file == only) FailCut(e->file->path().string());
  }
}

}  // namespace

void CheckMappedFiles() { CheckRanges(nullptr); }

MappedFileWatch::MappedFileWatch() {
  const std::lock_guard lock(ranges_mutex);
  begin_ = closed_cut.size();
}

void MappedFileWatch::Check() const {
  CheckMappedFiles();
  const std::lock_guard lock(ranges_mutex);
  if (closed_cut.size() > begin_) FailCut(closed_cut[begin_]);
}

std::string ReadTextFile(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  const auto bytes = file->bytes();
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  CheckRanges(file.get());
  return text;
}

}  // namespace squint
