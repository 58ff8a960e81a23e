#include "squint/kernels/peak/peak.h"

#include <gtest/gtest.h>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

TEST(Peaks, AreMeasuredOnEveryInstructionSet) {
  ThreadPool pool(2);
  std::string last;
  ForEachTarget([&] {
    const Peaks peaks = MeasurePeaks(pool);
    // A thousandth of the slowest machine in use: units are right.
    EXPECT_GT(peaks.float_macs, 1e6);
    EXPECT_GT(peaks.integer_macs, 1e6);
    EXPECT_GT(peaks.read_bytes, 1e6);
    EXPECT_NE(InstructionSet(), last);
    last = InstructionSet();
  });
}

}  // namespace
}  // namespace squint
