#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "squint/base/error.h"
#include "squint/data/dataset.h"

namespace squint {
namespace {

// Later samples are ready sooner; sample 5 cannot be read.
class SlowDataset : public Dataset {
 public:
  int64_t size() const override { return 12; }
  bool has_labels() const override { return false; }
  std::string description() const override { return "slow"; }
  Sample Get(int64_t index) const override {
    ++reads;
    std::this_thread::sleep_for(std::chrono::milliseconds(12 - index));
    if (index == 5) Fail(ErrorCode::kIo, "sample 5 is broken");
    Sample sample;
    sample.index = index;
    return sample;
  }
  mutable std::atomic<int> reads = 0;
};

class SampleStreamThreads : public testing::TestWithParam<int> {};

TEST_P(SampleStreamThreads, KeepsTheOrderAskedFor) {
  const auto dataset = std::make_shared<SlowDataset>();
  SampleStream stream(dataset, {7, 0, 3, 11, 3}, GetParam(), 2);
  for (const int64_t expected : {7, 0, 3, 11, 3}) {
    EXPECT_EQ(stream.Next()->index, expected);
  }
  EXPECT_FALSE(stream.Next().has_value());
  EXPECT_FALSE(stream.Next().has_value());
}

TEST_P(SampleStreamThreads, RethrowsAtTheBrokenSampleAndGoesOn) {
  SampleStream stream(std::make_shared<SlowDataset>(), {4, 5, 6}, GetParam());
  EXPECT_EQ(stream.Next()->index, 4);
  EXPECT_THROW(stream.Next(), Error);
  EXPECT_EQ(stream.Next()->index, 6);
}

TEST_P(SampleStreamThreads, MayBeAbandoned) {
  const auto dataset = std::make_shared<SlowDataset>();
  {
    SampleStream stream(dataset, {0, 1, 2, 3, 4, 6, 7, 8}, GetParam(), 2);
    stream.Next();
  }
  EXPECT_LE(dataset->reads, 3);
}

INSTANTIATE_TEST_SUITE_P(Threads, SampleStreamThreads,
                         testing::Values(0, 1, 2, 5));

TEST(SampleStream, HandlesNoSamples) {
  SampleStream stream(std::make_shared<SlowDataset>(), {}, 2);
  EXPECT_FALSE(stream.Next().has_value());
}

}  // namespace
}  // namespace squint
