#include "squint/kernels/isa/isa.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "squint/kernels/simd.h"
// Highway's list of targets is meant to be read after simd.h.
#include <hwy/highway.h>

#include "squint/base/error.h"

namespace squint {
namespace {

enum class Dots : uint8_t { kNo, kAvxVnni, kAvx512Vnni };

struct Isa {
  std::string_view name;
  int64_t target;  // of Highway
  Dots dots = Dots::kNo;
};

constexpr Isa kIsas[] = {
    {"generic", HWY_STATIC_TARGET},
#if HWY_ARCH_X86
    {"sse4", HWY_SSE4},
    {"avx2", HWY_AVX2},
    {"avxvnni", HWY_AVX2, Dots::kAvxVnni},
    {"avx512", HWY_AVX3},
    {"avx512vnni", HWY_AVX3, Dots::kAvx512Vnni},
#elif HWY_ARCH_ARM
    {"neon", HWY_NEON},
#endif
};

bool IsCompiled(const Isa& isa) { return (HWY_TARGETS & isa.target) != 0; }

bool CpuHas(Dots dots) {
#if HWY_ARCH_X86
  if (dots == Dots::kAvxVnni) return __builtin_cpu_supports("avxvnni") != 0;
  if (dots == Dots::kAvx512Vnni) {
    return __builtin_cpu_supports("avx512vnni") != 0;
  }
#endif
  return dots == Dots::kNo;
}

std::atomic<bool> dots_allowed{true};

void Choose(int64_t targets) {
  hwy::SetSupportedTargetsForTest(targets);  // 0: what the CPU has
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace

std::vector<std::string> InstructionSetNames() {
  std::vector<std::string> names;
  for (const Isa& isa : kIsas) {
    if (IsCompiled(isa)) names.emplace_back(isa.name);
  }
  return names;
}

void UseInstructionSet(std::string_view name) {
  const auto* isa =
      std::find_if(std::begin(kIsas), std::end(kIsas), [&](const Isa& known) {
        return known.name == name && IsCompiled(known);
      });
  if (isa == std::end(kIsas)) {
    Fail(ErrorCode::kInvalidArgument,
         "there is no instruction set '{}'; known are {}", name,
         fmt::join(InstructionSetNames(), ", "));
  }
  UseBestInstructionSet();
  if ((hwy::SupportedTargets() & isa->target) == 0 || !CpuHas(isa->dots)) {
    Fail(ErrorCode::kUnsupported, "this CPU has no {}", name);
  }
  Choose(isa->target);
  dots_allowed = isa->dots != Dots::kNo;
}

void UseBestInstructionSet() {
  Choose(0);
  dots_allowed = true;
}

bool DotProductsAllowed() { return dots_allowed; }

}  // namespace squint
