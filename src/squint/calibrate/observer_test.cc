// Observers on distributions whose best range is known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "squint/calibrate/calibration.h"

namespace squint {
namespace {

ValueStatistics StatisticsOf(const std::vector<float>& values) {
  ValueStatistics statistics;
  statistics.count = values.size();
  statistics.histogram.Add(values);
  const auto [low, high] = std::ranges::minmax(values);
  statistics.minimum = low;
  statistics.maximum = high;
  statistics.blocks[0] = {low, high};
  return statistics;
}

template <typename Distribution>
std::vector<float> Draw(size_t count, Distribution distribution) {
  std::mt19937 random(11);
  std::vector<float> values(count);
  for (float& value : values) value = distribution(random);
  return values;
}

Range Choose(std::string_view name, const ValueStatistics& statistics,
             const ObserverOptions& options = {}) {
  return FindObserver(name)->choose(statistics, options);
}

// What quantizing `values` with the range costs, by the normative functions.
double MeanSquaredError(const std::vector<float>& values, const Range& range,
                        const ObserverOptions& options) {
  const ScaleZero chosen =
      ChooseScale(range.low, range.high, options.dtype, options.symmetric);
  const QuantRange q = RangeOf(options.dtype, options.symmetric);
  double sum = 0;
  for (const float v : values) {
    const float back = DequantizeValue(
        QuantizeValue(v, chosen.scale, chosen.zero_point, q.qmin, q.qmax),
        chosen.scale, chosen.zero_point);
    sum += std::pow(static_cast<double>(v) - static_cast<double>(back), 2);
  }
  return sum / static_cast<double>(values.size());
}

TEST(Observers, AreFoundByName) {
  std::vector<std::string_view> names;
  for (const ObserverDef* observer : AllObservers()) {
    names.push_back(observer->name);
    EXPECT_EQ(FindObserver(observer->name), observer);
    EXPECT_FALSE(observer->summary.empty());
    EXPECT_FALSE(observer->source.empty());
  }
  EXPECT_THAT(names, testing::ElementsAre("min_max", "moving_average",
                                          "percentile", "entropy", "mse"));
  EXPECT_EQ(FindObserver("nonsense"), nullptr);
}

TEST(Observers, GiveAFiniteRangeForEveryDegenerateValue) {
  for (const std::vector<float>& values : {std::vector<float>{0.0f},
                                           {-0.0f, 0.0f},
                                           {1e-45f},
                                           {3.5f},
                                           {-3.5f},
                                           {-3.4e38f, 0.0f},
                                           {3.4e38f, -3.4e38f},
                                           {1e-30f, 1e30f}}) {
    for (const ObserverDef* observer : AllObservers()) {
      for (const bool symmetric : {false, true}) {
        ObserverOptions options;
        options.symmetric = symmetric;
        const Range range = observer->choose(StatisticsOf(values), options);
        EXPECT_TRUE(std::isfinite(range.low)) << observer->name;
        EXPECT_TRUE(std::isfinite(range.high)) << observer->name;
        EXPECT_LE(range.low, range.high) << observer->name;
      }
    }
  }
  for (const ObserverDef* observer : AllObservers()) {
    const Range none = observer->choose(ValueStatistics(), {});
    EXPECT_EQ(none.low, 0) << observer->name;
    EXPECT_EQ(none.high, 0) << observer->name;
  }
}

TEST(MinMaxObserver, GivesTheExactExtremes) {
  const Range range = Choose("min_max", StatisticsOf({-1.25f, 0.1f, 7.3f}));
  EXPECT_EQ(range.low, -1.25);
  EXPECT_EQ(range.high, static_cast<double>(7.3f));
}

TEST(MovingAverageObserver, IsNearlyTheMeanOfFewBlocks) {
  ValueStatistics statistics;
  statistics.blocks = {{0, {-1.0f, 1.0f}}, {1, {-3.0f, 2.0f}}};
  const Range range = Choose("moving_average", statistics);
  EXPECT_NEAR(range.low, -2.0, 0.01);
  EXPECT_NEAR(range.high, 1.5, 0.01);
}

TEST(MovingAverageObserver, ForgetsEarlyBlocks) {
  ValueStatistics statistics;
  for (int64_t i = 0; i < 50; ++i) statistics.blocks[i] = {-9.0f, 9.0f};
  for (int64_t i = 50; i < 2000; ++i) statistics.blocks[i] = {-1.0f, 1.0f};
  EXPECT_NEAR(Choose("moving_average", statistics).high, 1.0, 1e-6);
}

TEST(PercentileObserver, CutsHalfFromEachEndOrAllFromTheMagnitudes) {
  const auto statistics =
      StatisticsOf(Draw(200000, std::uniform_real_distribution(-1.0f, 3.0f)));
  ObserverOptions options;
  options.percentile = 90;
  Range range = Choose("percentile", statistics, options);
  EXPECT_NEAR(range.low, -0.8, 0.01);
  EXPECT_NEAR(range.high, 2.8, 0.01);
  options.symmetric = true;
  range = Choose("percentile", statistics, options);
  EXPECT_NEAR(range.high, 2.6, 0.01);
  EXPECT_EQ(range.low, -range.high);
}

TEST(EntropyObserver, KeepsAUniformDistributionWhole) {
  const auto statistics =
      StatisticsOf(Draw(500000, std::uniform_real_distribution(-2.0f, 2.0f)));
  ObserverOptions symmetric;
  symmetric.symmetric = true;
  EXPECT_GT(Choose("entropy", statistics, symmetric).high, 1.9);
  const Range range = Choose("entropy", statistics);
  EXPECT_LT(range.low, -1.9);
  EXPECT_GT(range.high, 1.9);
}

TEST(EntropyObserver, CutsALoneOutlierAndALongTail) {
  std::vector<float> values =
      Draw(500000, std::normal_distribution(0.0f, 1.0f));
  values.push_back(100.0f);
  ObserverOptions symmetric;
  symmetric.symmetric = true;
  EXPECT_LT(Choose("entropy", StatisticsOf(values), symmetric).high, 30.0);
  // Only the side with the outlier is cut.
  const Range range = Choose("entropy", StatisticsOf(values));
  EXPECT_LT(range.high, 30.0);
  EXPECT_LT(range.low, -2.5);
}

TEST(EntropyObserver, IsNotMovedByTheZerosOfARelu) {
  std::vector<float> values =
      Draw(200000, std::normal_distribution(0.0f, 1.0f));
  std::erase_if(values, [](float v) { return v <= 0; });
  const Range without = Choose("entropy", StatisticsOf(values));
  values.insert(values.end(), 1000000, 0.0f);
  const Range with = Choose("entropy", StatisticsOf(values));
  EXPECT_DOUBLE_EQ(with.high, without.high);
  EXPECT_EQ(with.low, 0);
}

// Lloyd's uniform quantizer: the best clipping of a Gaussian at 8 bits is
// 3.92 standard deviations, at 4 bits 2.56 (Banner et al., arXiv:1810.05723).
TEST(MseObserver, FindsTheKnownClippingOfAGaussian) {
  const auto statistics =
      StatisticsOf(Draw(2000000, std::normal_distribution(0.0f, 1.0f)));
  ObserverOptions options;
  options.symmetric = true;
  options.dtype = DType::kInt8;
  EXPECT_NEAR(Choose("mse", statistics, options).high, 3.92, 0.12);
  options.dtype = DType::kInt4;
  EXPECT_NEAR(Choose("mse", statistics, options).high, 2.56, 0.2);
}

TEST(MseObserver, IsNoWorseThanAnyRangeOfAFineGrid) {
  std::vector<float> values = Draw(6000, std::exponential_distribution(1.0f));
  for (size_t i = 0; i < values.size(); i += 3) values[i] *= -0.2f;
  const auto statistics = StatisticsOf(values);
  for (const DType dtype : {DType::kUint8, DType::kInt4}) {
    ObserverOptions options;
    options.dtype = dtype;
    const Range chosen = Choose("mse", statistics, options);
    const double error = MeanSquaredError(values, chosen, options);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 1; i <= 24; ++i) {
      for (int j = 1; j <= 24; ++j) {
        const Range range = {static_cast<double>(statistics.minimum) * i / 24,
                             static_cast<double>(statistics.maximum) * j / 24};
        least = std::min(least, MeanSquaredError(values, range, options));
      }
    }
    EXPECT_LT(error, least * 1.03) << DTypeName(dtype);
  }
}

TEST(MseObserver, KeepsTheWholeRangeWhenTheGridIsFine) {
  const auto statistics =
      StatisticsOf(Draw(10000, std::normal_distribution(0.0f, 1.0f)));
  ObserverOptions options;
  options.dtype = DType::kUint16;
  const Range range = Choose("mse", statistics, options);
  EXPECT_GT(range.high, 0.95 * static_cast<double>(statistics.maximum));
}

}  // namespace
}  // namespace squint
