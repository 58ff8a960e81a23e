#include "squint/data/side_by_side.h"

#include <gtest/gtest.h>

namespace squint {
namespace {

Sample OfFloats(int64_t count) {
  Sample sample;
  sample.inputs = {Tensor(DType::kFloat32, {count})};
  return sample;
}

TEST(SideBySide, TakesSeveralOnceAShortRunWasSeenBehindTheFirst) {
  SideBySide policy(0.1, 4, 1000);
  EXPECT_EQ(policy.count(), 1u);
  policy.RanAlone(OfFloats(10), 0.01, 10);  // packs weights
  EXPECT_EQ(policy.count(), 1u);
  policy.RanAlone(OfFloats(10), 0.01, 10);
  EXPECT_EQ(policy.count(), 8u);
  policy.RanAlone(OfFloats(10), 0.2, 10);
  EXPECT_EQ(policy.count(), 1u);
}

TEST(SideBySide, StaysBelowTheMemoryLimit) {
  for (const auto& [bytes, count] :
       {std::pair{250, 8}, {251, 3}, {600, 1}, {5000, 1}, {0, 8}}) {
    SideBySide policy(0.1, 4, 1000);
    for (int run = 0; run < 2; ++run) {
      policy.RanAlone(OfFloats(10), 0.01, static_cast<size_t>(bytes));
    }
    EXPECT_EQ(policy.count(), static_cast<size_t>(count)) << bytes;
  }
}

TEST(SideBySide, KeepsLargerSamplesAndOneThreadAlone) {
  SideBySide policy(0.1, 2, 1000);
  const std::vector<Sample> same = {OfFloats(20), OfFloats(1)};
  EXPECT_FALSE(policy.Allows(same));
  for (int run = 0; run < 2; ++run) policy.RanAlone(OfFloats(10), 0.01, 10);
  EXPECT_TRUE(policy.Allows(same));
  EXPECT_FALSE(policy.Allows(std::vector<Sample>{OfFloats(1), OfFloats(21)}));
  SideBySide lone(0.1, 1, 1000);
  for (int run = 0; run < 2; ++run) lone.RanAlone(OfFloats(10), 0.01, 10);
  EXPECT_EQ(lone.count(), 1u);
}

}  // namespace
}  // namespace squint
