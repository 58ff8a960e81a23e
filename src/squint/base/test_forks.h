// What a test may do in a child of fork().
#ifndef SQUINT_BASE_TEST_FORKS_H_
#define SQUINT_BASE_TEST_FORKS_H_

#include <cstdlib>

namespace squint {

// Why a child must not start threads; null: it may. `make test-aarch64` sets
// QEMU_CPU, which the emulator reads.
inline const char* NoThreadsBehindFork() {
#if defined(__SANITIZE_THREAD__)
  return "the thread sanitizer allows no threads behind a fork";
#else
  return std::getenv("QEMU_CPU") == nullptr
             ? nullptr
             : "qemu-user aborts where a forked child starts threads";
#endif
}

}  // namespace squint

#endif  // SQUINT_BASE_TEST_FORKS_H_
