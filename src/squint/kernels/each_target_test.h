// For tests: runs a body once for every instruction set that was compiled
// and that this CPU has, or for the one of them that SQUINT_TEST_TARGET names
// as Highway does ("AVX3"), which emulated CPUs have no time to test the rest
// of.
#ifndef SQUINT_KERNELS_EACH_TARGET_TEST_H_
#define SQUINT_KERNELS_EACH_TARGET_TEST_H_

#include "squint/kernels/simd.h"
// Highway's list of targets is meant to be read after simd.h.
#include <gtest/gtest.h>
#include <hwy/highway.h>

#include <cstdlib>
#include <string_view>

namespace squint {

template <typename Body>
void ForEachTarget(Body&& body) {
  hwy::SetSupportedTargetsForTest(0);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string_view name = hwy::TargetName(target);
    const char* wanted = std::getenv("SQUINT_TEST_TARGET");
    if (wanted != nullptr && name != wanted) continue;
    SCOPED_TRACE(name);
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace squint

#endif  // SQUINT_KERNELS_EACH_TARGET_TEST_H_
