#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "squint/calibrate/calibration.h"
#include "squint/calibrate/density.h"

namespace squint {
namespace {

constexpr float kMax = std::numeric_limits<float>::max();

TEST(Histogram, EveryValueLiesInsideItsBin) {
  for (const float v : {0.0f, 1e-45f, 1e-38f, 0.1f, 1.0f, 1.0078f, 255.0f, kMax,
                        -1e-45f, -0.1f, -1.0f, -1.0078f, -kMax}) {
    const uint32_t bin = Histogram::BinOf(v);
    EXPECT_LE(Histogram::BinLow(bin), v);
    EXPECT_GE(Histogram::BinHigh(bin), v);
    EXPECT_LT(Histogram::BinLow(bin), Histogram::BinHigh(bin));
  }
}

TEST(Histogram, BinsAreAtMostOnePartIn128Wide) {
  for (uint32_t bin = 0x0080; bin < 0x7F7F; ++bin) {
    const float low = Histogram::BinLow(bin);
    EXPECT_LE(Histogram::BinHigh(bin) - low, low / 128);
  }
}

TEST(Histogram, ListsOccupiedBinsByTheValueTheyHold) {
  Histogram histogram;
  histogram.Add(std::vector<float>{1.0f, -0.5f, 3.0f, 0.0f, -2.0f, 1.0f});
  std::vector<float> lows;
  for (const auto& bin : histogram.Occupied()) {
    lows.push_back(Histogram::BinLow(bin.bin));
  }
  EXPECT_TRUE(std::ranges::is_sorted(lows));
  EXPECT_EQ(lows.size(), 5u);
  EXPECT_EQ(histogram.count(Histogram::BinOf(1.0f)), 2u);
  EXPECT_EQ(histogram.total(), 6u);
}

TEST(Histogram, MergingAddsCounts) {
  Histogram a;
  Histogram b;
  Histogram all;
  a.Add(std::vector<float>{1.0f, 2.0f});
  b.Add(std::vector<float>{2.0f, -7.0f});
  all.Add(std::vector<float>{1.0f, 2.0f, 2.0f, -7.0f});
  a.Merge(b);
  EXPECT_EQ(a, all);
  EXPECT_FALSE(b == all);
}

TEST(ExactSum, DoesNotDependOnOrder) {
  ExactSum forward;
  ExactSum backward;
  std::vector<double> terms;
  for (int i = 0; i < 1000; ++i)
    terms.push_back(std::sin(i) * std::pow(10, i % 9));
  for (size_t i = 0; i < terms.size(); ++i) {
    forward.Add(terms[i]);
    backward.Add(terms[terms.size() - 1 - i]);
  }
  EXPECT_EQ(forward, backward);
  forward.Merge(backward);
  EXPECT_NEAR(forward.value(), 2 * backward.value(), 1e-9);
}

TEST(ExactSum, TakesExtremesWithoutOverflow) {
  ExactSum sum;
  for (int i = 0; i < 1000; ++i) sum.Add(-3.4e38);
  sum.Add(NAN);
  EXPECT_LT(sum.value(), 0);
  for (int i = 0; i < 1000; ++i) sum.Add(3.4e38);
  EXPECT_EQ(sum.value(), 0);
}

ValueStatistics StatisticsOf(const std::vector<float>& values) {
  ValueStatistics statistics;
  statistics.count = values.size();
  statistics.histogram.Add(values);
  const auto [low, high] = std::ranges::minmax(values);
  statistics.minimum = low;
  statistics.maximum = high;
  return statistics;
}

TEST(Density, TrimsTheOuterCellsToTheExactRange) {
  const Density density(StatisticsOf({-1.003f, 0.25f, 5.01f}));
  EXPECT_DOUBLE_EQ(density.low(), static_cast<double>(-1.003f));
  EXPECT_DOUBLE_EQ(density.high(), static_cast<double>(5.01f));
  EXPECT_EQ(density.total(), 3);
}

TEST(Density, FoldsBothSignsIntoMagnitudes) {
  const Density density =
      Density::OfMagnitudes(StatisticsOf({-1.0f, 1.0f, 2.0f, -4.0f, 0.0f}));
  EXPECT_EQ(density.total(), 5);
  EXPECT_EQ(density.cells().size(), 4u);
  EXPECT_DOUBLE_EQ(density.high(), 4.0);
}

TEST(Density, KeepsTheSidesApart) {
  const auto statistics = StatisticsOf({-1.0f, 1.5f, 2.0f, 0.0f});
  EXPECT_EQ(Density::OfSide(statistics, true).total(), 1);
  EXPECT_DOUBLE_EQ(Density::OfSide(statistics, true).high(), 1.0);
  EXPECT_DOUBLE_EQ(Density::OfSide(statistics, false).high(), 2.0);
  EXPECT_TRUE(Density::OfSide(StatisticsOf({1.0f}), true).empty());
}

TEST(Density, QuantilesAreLinearWithinACell) {
  std::vector<float> values;
  for (int i = 0; i < 100000; ++i) {
    values.push_back(static_cast<float>(i) / 100000.0f);
  }
  const Density density(StatisticsOf(values));
  for (const double part : {0.0, 0.001, 0.1, 0.5, 0.9, 0.999, 1.0}) {
    EXPECT_NEAR(density.Quantile(part), part, 2e-5);
  }
}

}  // namespace
}  // namespace squint
