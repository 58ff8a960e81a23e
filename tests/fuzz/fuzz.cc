#include "fuzz.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace squint {

FuzzTarget FindFuzzTarget(std::string_view name) {
#define SQUINT_FUZZ_TARGET(target) \
  if (name == #target) return Fuzz_##target;
#include "target_list.inc"
#undef SQUINT_FUZZ_TARGET
  return nullptr;
}

void FuzzFailed(std::string_view why) {
  fmt::print(stderr, "fuzz target failed: {}\n", why);
  std::abort();
}

bool Survives(const std::function<void()>& f) {
  try {
    f();
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kInternal) FuzzFailed(error.message());
    return false;
  } catch (const std::exception& error) {
    FuzzFailed(fmt::format("another exception than Error: {}", error.what()));
  }
}

std::shared_ptr<const std::byte[]> ExactCopy(FuzzBytes bytes) {
  const std::shared_ptr<std::byte[]> block(new std::byte[bytes.size()]);
  if (!bytes.empty()) std::memcpy(block.get(), bytes.data(), bytes.size());
  return block;
}

// In memory: nothing reaches a disk, and nothing is left behind.
std::filesystem::path FuzzFile(FuzzBytes bytes) {
  static const int descriptor = ::memfd_create("fuzz", 0);
  const bool written = ::ftruncate(descriptor, 0) == 0 &&
                       ::pwrite(descriptor, bytes.data(), bytes.size(), 0) ==
                           static_cast<ssize_t>(bytes.size());
  if (!written) FuzzFailed("cannot write the input to memory");
  return fmt::format("/proc/self/fd/{}", descriptor);
}

}  // namespace squint
