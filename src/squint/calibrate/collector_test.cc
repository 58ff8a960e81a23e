#include "squint/calibrate/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace squint {
namespace {

Tensor Normal(const Dims& dims, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.5f, 2.0f);
  Tensor tensor(DType::kFloat32, dims);
  float* out = tensor.mutable_data<float>();
  for (int64_t i = 0; i < tensor.size(); ++i) out[i] = normal(random);
  return tensor;
}

ValueStatistics Collect(const std::vector<Tensor>& tensors, int axis,
                        int threads = 1) {
  ThreadPool pool(threads);
  Collector collector;
  ValueStatistics statistics;
  int64_t sample = 0;
  for (const Tensor& tensor : tensors) {
    collector.Add(tensor, axis, sample++, pool, statistics);
  }
  return statistics;
}

// The definition, element by element.
void ExpectPlain(const Tensor& tensor, int axis, const ValueStatistics& got) {
  const auto values = tensor.values<float>();
  Histogram histogram;
  histogram.Add(values);
  EXPECT_EQ(got.histogram, histogram);
  EXPECT_EQ(got.count, values.size());
  EXPECT_EQ(got.minimum, *std::ranges::min_element(values));
  EXPECT_EQ(got.maximum, *std::ranges::max_element(values));
  const int64_t stride = StridesOf(tensor.dims())[static_cast<size_t>(axis)];
  const int64_t channels = tensor.dim(axis);
  ASSERT_EQ(got.channel_sum.size(), static_cast<size_t>(channels));
  std::vector<double> sums(static_cast<size_t>(channels), 0.0);
  std::vector<float> lows(sums.size(), INFINITY);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const auto c = static_cast<size_t>(i / stride % channels);
    sums[c] += static_cast<double>(values[static_cast<size_t>(i)]);
    lows[c] = std::min(lows[c], values[static_cast<size_t>(i)]);
  }
  EXPECT_EQ(got.channel_minimum, lows);
  for (size_t c = 0; c < sums.size(); ++c) {
    EXPECT_NEAR(got.channel_sum[c].value(), sums[c], 1e-8);
  }
  EXPECT_EQ(got.channel_count, static_cast<uint64_t>(tensor.size() / channels));
}

TEST(Collector, CountsWhatIsThere) {
  for (const Dims& dims :
       {Dims{1, 1}, Dims{1, 3, 7}, Dims{2, 5, 8, 1}, Dims{3, 33}, Dims{1, 31},
        Dims{2, 3, 9, 9}, Dims{4, 65}, Dims{1, 64, 30, 30}}) {
    const Tensor tensor = Normal(dims, 7);
    for (int axis = 0; axis < tensor.rank(); ++axis) {
      ExpectPlain(tensor, axis, Collect({tensor}, axis));
    }
  }
}

TEST(Collector, GivesTheSameForAnyNumberOfThreads) {
  const std::vector<Tensor> tensors = {
      Normal({1, 16, 60, 60}, 1), Normal({1, 16, 30, 30}, 2),
      Normal({3, 16, 1, 1}, 3), Normal({1, 16, 200, 200}, 4)};
  const ValueStatistics one = Collect(tensors, 1, 1);
  EXPECT_EQ(one, Collect(tensors, 1, 2));
  EXPECT_EQ(one, Collect(tensors, 1, 3));
  const std::vector<Tensor> rows = {Normal({1, 300, 384}, 5)};
  EXPECT_EQ(Collect(rows, 2, 1), Collect(rows, 2, 2));
}

TEST(Collector, CountsNanAndInfinityAndLeavesThemOut) {
  const Tensor tensor = Tensor::Of<float>(
      {1, 3, 2}, {NAN, 2.0f, INFINITY, -INFINITY, -1.0f, NAN});
  for (const int axis : {1, 2}) {
    const ValueStatistics got = Collect({tensor}, axis);
    EXPECT_EQ(got.nans, 2u);
    EXPECT_EQ(got.infinities, 2u);
    EXPECT_EQ(got.finite(), 2u);
    EXPECT_EQ(got.histogram.total(), 2u);
    EXPECT_EQ(got.minimum, -1.0f);
    EXPECT_EQ(got.maximum, 2.0f);
  }
  const ValueStatistics got = Collect({tensor}, 1);
  EXPECT_THAT(got.channel_minimum, testing::ElementsAre(2.0f, INFINITY, -1.0f));
  EXPECT_EQ(got.channel_sum[1].value(), 0);
}

TEST(Collector, ANanWithOnlyLowMantissaBitsIsNoInfinity) {
  const auto sneaky = std::bit_cast<float>(0x7F800001u);
  const Tensor tensor = Tensor::Of<float>({2}, {sneaky, 1.0f});
  const ValueStatistics got = Collect({tensor}, 0);
  EXPECT_EQ(got.nans, 1u);
  EXPECT_EQ(got.infinities, 0u);
}

TEST(Collector, ValuesThatAreNeverFiniteHaveNoRange) {
  const ValueStatistics got =
      Collect({Tensor::Of<float>({1}, {NAN}), Tensor(DType::kFloat32, {0})}, 0);
  EXPECT_EQ(got.minimum, 0);
  EXPECT_EQ(got.maximum, 0);
  EXPECT_TRUE(got.blocks.empty());
  EXPECT_TRUE(got.histogram.empty());
}

TEST(Collector, DropsChannelsWhenTheirNumberVaries) {
  const std::vector<Tensor> tensors = {Normal({1, 3}, 1), Normal({1, 4}, 2),
                                       Normal({1, 3}, 3)};
  EXPECT_TRUE(Collect(tensors, 1).channel_sum.empty());
  EXPECT_EQ(Collect(tensors, 1).count, 10u);
  EXPECT_TRUE(Collect({Normal({1, 65537}, 1)}, 1).channel_sum.empty());
  EXPECT_EQ(Collect({Normal({1, 65536}, 1)}, 1).channel_sum.size(), 65536u);
}

TEST(Collector, MergedShardsEqualTheWholeInAnyOrder) {
  std::vector<Tensor> all;
  for (unsigned i = 0; i < 20; ++i) {
    all.push_back(Normal({1, 5, static_cast<int64_t>(1 + i % 3), 4}, i));
  }
  const ValueStatistics whole = Collect(all, 1);
  ThreadPool pool(1);
  Collector collector;
  std::vector<ValueStatistics> shards(3);
  for (size_t i = 0; i < all.size(); ++i) {
    collector.Add(all[i], 1, static_cast<int64_t>(i), pool, shards[i % 3]);
  }
  std::vector<size_t> order = {0, 1, 2};
  do {
    ValueStatistics merged;
    for (const size_t i : order) merged.Merge(shards[i]);
    EXPECT_EQ(merged, whole);
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(whole.blocks.size(), 3u);
}

}  // namespace
}  // namespace squint
