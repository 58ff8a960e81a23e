// How much code a network can become, before a compiler has seen it.
#ifndef SQUINT_EMIT_CODE_BOUND_H_
#define SQUINT_EMIT_CODE_BOUND_H_

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

namespace squint {

// What the bound holds for.
inline constexpr const char* kCodeBoundFor =
    "gcc 12 for Cortex-M4 and M55, -O2 or -Os; more at -O3";

// The name of what stands for a header for calls of memcpy.
inline constexpr const char* kLibraryCalls = "memcpy";

// Calls of the kernels of one header.
struct CallCount {
  int64_t calls = 0;
  int64_t arguments = 0;
};

// Bytes of code that model.c compiles to at most, without what it calls of
// CMSIS-NN and of the C library: what each kernel was measured to take
// (code_size_list.inc) and the calls. Kernels that are called once shrink, as
// compilers put their sizes into them, by up to a half; this is not counted.
// tests/edge compares.
int64_t CodeBound(const std::set<std::string, std::less<>>& headers,
                  const std::map<std::string, CallCount, std::less<>>& calls);

}  // namespace squint

#endif  // SQUINT_EMIT_CODE_BOUND_H_
