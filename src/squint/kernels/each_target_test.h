// For tests: runs a body once for every instruction set that was compiled
// and that this CPU has.
#ifndef SQUINT_KERNELS_EACH_TARGET_TEST_H_
#define SQUINT_KERNELS_EACH_TARGET_TEST_H_

#include "squint/kernels/simd.h"
// Highway's list of targets is meant to be read after simd.h.
#include <gtest/gtest.h>
#include <hwy/highway.h>

namespace squint {

template <typename Body>
void ForEachTarget(Body&& body) {
  hwy::SetSupportedTargetsForTest(0);
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

}  // namespace squint

#endif  // SQUINT_KERNELS_EACH_TARGET_TEST_H_
