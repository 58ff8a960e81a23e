#include "squint/runtime/live_bytes.h"

#include <gtest/gtest.h>

namespace squint {
namespace {

TEST(LiveBytes, AddsUpWhatIsAliveAtOnce) {
  LiveBytes live(4);
  EXPECT_EQ(live.Peak(), 0);
  live.Add(0, 1, 10);
  live.Add(1, 2, 5);
  live.Add(3, 3, 14);
  EXPECT_EQ(live.Peak(), 15);
  live.Add(1, 1, -10);
  EXPECT_EQ(live.Peak(), 14);
}

TEST(LiveBytes, KnowsNothingBeyondTheNodes) {
  LiveBytes live(2);
  live.Add(-1, 9, 3);
  live.Add(1, 0, 100);
  live.Add(2, 5, 100);
  EXPECT_EQ(live.Peak(), 3);
}

}  // namespace
}  // namespace squint
