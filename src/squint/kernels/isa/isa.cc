#include "squint/kernels/isa/isa.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "squint/kernels/simd.h"
// Highway's list of targets is meant to be read after simd.h.
#include <hwy/highway.h>
#if HWY_ARCH_X86
#include <cpuid.h>
#elif HWY_ARCH_ARM_A64 && HWY_OS_LINUX
#include <sys/auxv.h>
#endif

#include "squint/base/error.h"

namespace squint {
namespace {

enum class Dots : uint8_t { kNo, kAvxVnni, kAvx512Vnni, kAvx512Bf16, kNeonDot };

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
    {"avx512bf16", HWY_AVX3, Dots::kAvx512Bf16},
#elif HWY_ARCH_ARM
    {"neon", HWY_NEON},
    {"neondot", HWY_NEON, Dots::kNeonDot},
#endif
};

// Highway then calls it without asking the CPU, and so do we: Highway's answer
// for Arm is also about AES, which no kernel needs.
constexpr bool kOneTarget = (HWY_TARGETS & (HWY_TARGETS - 1)) == 0;

bool IsCompiled(const Isa& isa) { return (HWY_TARGETS & isa.target) != 0; }

// Asked of the CPU itself: clang 14 has no name for AVX-VNNI in
// __builtin_cpu_supports. Whether the system saves the registers is what
// Highway's targets tell. Bits: Intel SDM volume 2, CPUID leaf 7.
bool CpuHas(Dots dots) {
#if HWY_ARCH_X86
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (dots == Dots::kAvxVnni) {
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 4 & 1) != 0;
  }
  if (dots == Dots::kAvx512Vnni) {
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c >> 11 & 1) != 0;
  }
  if (dots == Dots::kAvx512Bf16) {
    return CpuHas(Dots::kAvx512Vnni) &&
           __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a >> 5 & 1) != 0;
  }
#elif HWY_ARCH_ARM_A64 && HWY_OS_LINUX
  // The bit of asimddp in the kernel's "ARM64 ELF hwcaps".
  if (dots == Dots::kNeonDot) return (getauxval(AT_HWCAP) >> 20 & 1) != 0;
#endif
  return dots == Dots::kNo;
}

std::atomic<bool> dots_allowed{true};
std::atomic<bool> bf16_allowed{true};

void Choose(int64_t targets) {
  if (kOneTarget) return;
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
  const bool has_target =
      kOneTarget || (hwy::SupportedTargets() & isa->target) != 0;
  if (!has_target || !CpuHas(isa->dots)) {
    Fail(ErrorCode::kUnsupported, "this CPU has no {}", name);
  }
  Choose(isa->target);
  dots_allowed = isa->dots != Dots::kNo;
  bf16_allowed = isa->dots == Dots::kAvx512Bf16;
}

void UseBestInstructionSet() {
  Choose(0);
  dots_allowed = true;
  bf16_allowed = true;
}

// CPUID leaves a virtual machine, a microsecond or more: asked once.
bool MayUseAvxVnni() {
  static const bool has = CpuHas(Dots::kAvxVnni);
  return has && dots_allowed;
}
bool MayUseAvx512Vnni() {
  static const bool has = CpuHas(Dots::kAvx512Vnni);
  return has && dots_allowed;
}
bool MayUseAvx512Vbmi() {
#if HWY_ARCH_X86
  static const bool has = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (c >> 1 & 1) != 0;
  }();
  return has && MayUseAvx512Vnni();
#else
  return false;
#endif
}
bool MayUseAvx512Bf16() {
  static const bool has = CpuHas(Dots::kAvx512Bf16);
  return has && bf16_allowed;
}
bool MayUseNeonDot() { return dots_allowed && CpuHas(Dots::kNeonDot); }

}  // namespace squint
