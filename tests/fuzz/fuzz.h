// What fuzz targets share. A target takes any bytes and must come back: an
// Error is a good answer, anything else (another exception, kInternal, a
// sanitizer's report, a wrong number) ends the process, which is how the
// fuzzer and the replay of the corpus notice.
#ifndef SQUINT_TESTS_FUZZ_FUZZ_H_
#define SQUINT_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "squint/base/error.h"

namespace squint {

using FuzzBytes = std::span<const uint8_t>;
using FuzzTarget = void (*)(FuzzBytes);

#define SQUINT_FUZZ_TARGET(name) void Fuzz_##name(FuzzBytes bytes);
#include "target_list.inc"
#undef SQUINT_FUZZ_TARGET

// Null when there is no such target.
FuzzTarget FindFuzzTarget(std::string_view name);

// Prints why and ends the process.
[[noreturn]] void FuzzFailed(std::string_view why);

// Runs f; false when it threw an Error that bad input may cause.
bool Survives(const std::function<void()>& f);

// The bytes in a block of exactly their size, so that the sanitizer sees
// every read beyond the end.
std::shared_ptr<const std::byte[]> ExactCopy(FuzzBytes bytes);

// A file with these bytes and nothing else, at the same path every time.
std::filesystem::path FuzzFile(FuzzBytes bytes);

}  // namespace squint

#endif  // SQUINT_TESTS_FUZZ_FUZZ_H_
