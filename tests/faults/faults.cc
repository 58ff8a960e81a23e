#include "faults.h"

#include <execinfo.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

namespace squint {
namespace {

std::atomic<int64_t> fails_at = 0;
std::atomic<int64_t> counted = 0;
std::atomic<int> counts = -1;  // a Kind, -1: nothing
std::atomic<int64_t> live = 0;

// nlohmann's JSON allocates in its destructor, where nothing can be told:
// that allocation is spared. Its callers are found by their symbols.
bool IsInDestructorOfJson() {
  constexpr int kFrames = 12;
  void* frames[kFrames];
  const int count = ::backtrace(frames, kFrames);
  char** names = ::backtrace_symbols(frames, count);
  if (names == nullptr) return false;
  bool found = false;
  for (int i = 0; i < count; ++i) {
    found = found || std::strstr(names[i], "json_value7destroy") != nullptr;
  }
  std::free(names);
  return found;
}

bool Fails(Faults::Kind kind) {
  if (counts.load() != static_cast<int>(kind)) return false;
  if (counted.fetch_add(1) + 1 != fails_at.load()) return false;
  if (kind == Faults::Kind::kAllocations && IsInDestructorOfJson()) {
    fails_at.fetch_add(1);
    return false;
  }
  return true;
}

// Says where a fault ended the process.
[[maybe_unused]] const std::terminate_handler kTerminate =
    std::set_terminate([] {
      void* frames[64];
      ::backtrace_symbols_fd(frames, ::backtrace(frames, 64), 2);
      std::abort();
    });

bool CallFails(int error) {
  if (!Fails(Faults::Kind::kCalls)) return false;
  errno = error;
  return true;
}

void* Allocate(size_t size, size_t alignment) {
  if (Fails(Faults::Kind::kAllocations)) return nullptr;
  size = size == 0 ? 1 : size;
  void* block = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    block = std::malloc(size);
  } else if (::posix_memalign(&block, alignment, size) != 0) {
    block = nullptr;
  }
  if (block != nullptr) live.fetch_add(1);
  return block;
}

void* AllocateOrThrow(size_t size, size_t alignment) {
  void* block = Allocate(size, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void Free(void* block) {
  if (block == nullptr) return;
  live.fetch_sub(1);
  std::free(block);
}

}  // namespace

void Faults::Arm(Kind kind, int64_t n) {
  counted = 0;
  fails_at = n;
  counts = static_cast<int>(kind);
}

int64_t Faults::Disarm() {
  counts = -1;
  return counted.load();
}

int64_t Faults::LiveBlocks() { return live.load(); }

}  // namespace squint

using squint::CallFails;

void* operator new(size_t size) { return squint::AllocateOrThrow(size, 0); }
void* operator new[](size_t size) { return squint::AllocateOrThrow(size, 0); }
void* operator new(size_t size, std::align_val_t alignment) {
  return squint::AllocateOrThrow(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return squint::AllocateOrThrow(size, static_cast<size_t>(alignment));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return squint::Allocate(size, 0);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return squint::Allocate(size, 0);
}
void operator delete(void* block) noexcept { squint::Free(block); }
void operator delete[](void* block) noexcept { squint::Free(block); }
void operator delete(void* block, size_t) noexcept { squint::Free(block); }
void operator delete[](void* block, size_t) noexcept { squint::Free(block); }
void operator delete(void* block, std::align_val_t) noexcept {
  squint::Free(block);
}
void operator delete[](void* block, std::align_val_t) noexcept {
  squint::Free(block);
}
void operator delete(void* block, size_t, std::align_val_t) noexcept {
  squint::Free(block);
}
void operator delete[](void* block, size_t, std::align_val_t) noexcept {
  squint::Free(block);
}

// The linker sends calls of X to __wrap_X and offers the real one as __real_X.
extern "C" {

void* __real_calloc(size_t count, size_t size);
void* __wrap_calloc(size_t count, size_t size) {
  const bool fails = squint::Fails(squint::Faults::Kind::kAllocations);
  return fails ? nullptr : __real_calloc(count, size);
}

void* __real_aligned_alloc(size_t alignment, size_t size);
void* __wrap_aligned_alloc(size_t alignment, size_t size) {
  const bool fails = squint::Fails(squint::Faults::Kind::kAllocations);
  return fails ? nullptr : __real_aligned_alloc(alignment, size);
}

int __real_open(const char* path, int flags, ...);
int __wrap_open(const char* path, int flags, ...) {
  if (CallFails(EMFILE)) return -1;
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return __real_open(path, flags, mode);
}

void* __real_mmap(void* address, size_t size, int protection, int flags,
                  int descriptor, off_t offset);
void* __wrap_mmap(void* address, size_t size, int protection, int flags,
                  int descriptor, off_t offset) {
  if (CallFails(ENOMEM)) return MAP_FAILED;
  return __real_mmap(address, size, protection, flags, descriptor, offset);
}

ssize_t __real_write(int descriptor, const void* bytes, size_t size);
ssize_t __wrap_write(int descriptor, const void* bytes, size_t size) {
  if (CallFails(ENOSPC)) return -1;
  return __real_write(descriptor, bytes, size);
}

int __real_fsync(int descriptor);
int __wrap_fsync(int descriptor) {
  return CallFails(EIO) ? -1 : __real_fsync(descriptor);
}

// A close that reports an error has closed all the same.
int __real_close(int descriptor);
int __wrap_close(int descriptor) {
  const bool fails = CallFails(EIO);
  const int result = __real_close(descriptor);
  if (!fails) return result;
  errno = EIO;
  return -1;
}

int __real_rename(const char* from, const char* to);
int __wrap_rename(const char* from, const char* to) {
  return CallFails(EACCES) ? -1 : __real_rename(from, to);
}

int __real_ftruncate(int descriptor, off_t size);
int __wrap_ftruncate(int descriptor, off_t size) {
  return CallFails(EFBIG) ? -1 : __real_ftruncate(descriptor, size);
}

}  // extern "C"
