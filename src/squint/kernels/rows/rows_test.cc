#include "squint/kernels/rows/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

std::vector<float> Random(int64_t count, float spread) {
  std::mt19937 engine(1);
  std::normal_distribution<float> normal(0.5f, spread);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = normal(engine);
  return values;
}

constexpr int64_t kLengths[] = {1, 2, 15, 16, 17, 33, 1000};

// Softmax of element i of [outer][length][inner], as a logarithm.
double LogSoftmaxOf(const std::vector<float>& x, int64_t length, int64_t inner,
                    int64_t i) {
  const int64_t start = i / (length * inner) * length * inner + i % inner;
  const auto at = [&](int64_t p) {
    return static_cast<double>(x[static_cast<size_t>(start + p * inner)]);
  };
  double largest = at(0);
  for (int64_t p = 1; p < length; ++p) largest = std::max(largest, at(p));
  double sum = 0;
  for (int64_t p = 0; p < length; ++p) sum += std::exp(at(p) - largest);
  return static_cast<double>(x[static_cast<size_t>(i)]) - largest -
         std::log(sum);
}

TEST(Softmax, EqualsTheFormulaAlongRowsAndColumns) {
  ForEachTarget([] {
    ThreadPool pool(2);
    for (const int64_t inner : {1, 3, 16, 21}) {
      for (const int64_t length : {1, 2, 15, 16, 17, 33, 100}) {
        const std::vector<float> x = Random(3 * length * inner, 10.0f);
        std::vector<float> y(x.size());
        std::vector<float> log_y(x);
        Softmax(false, 3, length, inner, x.data(), y.data(), pool);
        Softmax(true, 3, length, inner, log_y.data(), log_y.data(), pool);
        for (int64_t i = 0; i < 3 * length * inner; ++i) {
          const double log = LogSoftmaxOf(x, length, inner, i);
          const auto at = static_cast<size_t>(i);
          ASSERT_NEAR(static_cast<double>(y[at]), std::exp(log),
                      1e-6 * (1 - log) * std::exp(log) + 1e-37);
          ASSERT_NEAR(static_cast<double>(log_y[at]), log, 4e-6 * (1 - log));
        }
      }
    }
  });
}

// Many rows of two are a vector's, one row is not.
TEST(Softmax, RowsOfTwoAreThoseOfSingleRows) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::vector<float> x;
  for (int i = 0; i < 500; ++i) {
    x.push_back(static_cast<float>(i % 37) - 20.0f);
    x.push_back(static_cast<float>(i * i % 91) * 0.3f);
  }
  x[7] = -kInfinity;
  x[20] = kInfinity;
  x[33] = std::numeric_limits<float>::quiet_NaN();
  ForEachTarget([&] {
    ThreadPool pool(2);
    std::vector<float> y(x.size()), single(x.size());
    Softmax(false, 500, 2, 1, x.data(), y.data(), pool);
    for (size_t i = 0; i < x.size(); i += 2) {
      Softmax(false, 1, 2, 1, &x[i], &single[i], pool);
    }
    EXPECT_EQ(std::memcmp(y.data(), single.data(), x.size() * sizeof(float)),
              0);
  });
}

TEST(Softmax, SurvivesHugeAndMaskedInputs) {
  ForEachTarget([] {
    ThreadPool pool(1);
    const float inf = std::numeric_limits<float>::infinity();
    std::vector<float> x = {1e38f, -inf, 1e38f, -1e38f};
    Softmax(false, 1, 4, 1, x.data(), x.data(), pool);
    EXPECT_EQ(x, (std::vector<float>{0.5f, 0.0f, 0.5f, 0.0f}));
  });
}

TEST(NormalizeRows, EqualsTheFormula) {
  ForEachTarget([] {
    ThreadPool pool(2);
    for (const int64_t length : kLengths) {
      const std::vector<float> x = Random(3 * length, 4.0f);
      const std::vector<float> scale = Random(length, 1.0f);
      const std::vector<float> shift = Random(length, 2.0f);
      std::vector<float> y(x.size());
      NormalizeRows(3, length, 1e-5f, scale.data(), shift.data(), x.data(),
                    y.data(), pool);
      for (int64_t row = 0; row < 3; ++row) {
        double mean = 0;
        double variance = 0;
        for (int64_t i = 0; i < length; ++i) {
          mean += static_cast<double>(x[static_cast<size_t>(row * length + i)]);
        }
        mean /= static_cast<double>(length);
        for (int64_t i = 0; i < length; ++i) {
          const double d =
              static_cast<double>(x[static_cast<size_t>(row * length + i)]) -
              mean;
          variance += d * d / static_cast<double>(length);
        }
        for (int64_t i = 0; i < length; ++i) {
          const auto at = static_cast<size_t>(row * length + i);
          const auto c = static_cast<size_t>(i);
          const double truth = (static_cast<double>(x[at]) - mean) /
                                   std::sqrt(variance + 1e-5) *
                                   static_cast<double>(scale[c]) +
                               static_cast<double>(shift[c]);
          EXPECT_NEAR(static_cast<double>(y[at]), truth,
                      2e-6 * (1 + std::fabs(truth)));
        }
      }
    }
  });
}

TEST(Reduce, EqualsTheFormulaAlongRowsAndColumns) {
  ForEachTarget([] {
    ThreadPool pool(2);
    for (const int64_t inner : {1, 3, 16, 37}) {
      for (const int64_t length : kLengths) {
        const std::vector<float> x = Random(2 * length * inner, 1.0f);
        for (int kind = 0; kind < 4; ++kind) {
          std::vector<float> y(static_cast<size_t>(2 * inner));
          Reduce(static_cast<ReduceKind>(kind), 2, length, inner, x.data(),
                 y.data(), pool);
          for (int64_t i = 0; i < 2 * inner; ++i) {
            double sum = 0;
            float largest = -1e30f;
            float smallest = 1e30f;
            for (int64_t p = 0; p < length; ++p) {
              const float v = x[static_cast<size_t>(
                  (i / inner * length + p) * inner + i % inner)];
              sum += static_cast<double>(v);
              largest = std::max(largest, v);
              smallest = std::min(smallest, v);
            }
            const double truth[] = {sum, sum / static_cast<double>(length),
                                    static_cast<double>(largest),
                                    static_cast<double>(smallest)};
            ASSERT_NEAR(static_cast<double>(y[static_cast<size_t>(i)]),
                        truth[kind], 1e-3)
                << kind << " " << length << " " << inner;
          }
        }
      }
    }
  });
}

TEST(Reduce, ExtremesKeepNaN) {
  ForEachTarget([] {
    ThreadPool pool(1);
    for (const size_t place : {0, 17, 49}) {
      std::vector<float> x(50, 1.0f);
      x[place] = NAN;
      float y = 0;
      Reduce(ReduceKind::kMax, 1, 50, 1, x.data(), &y, pool);
      EXPECT_TRUE(std::isnan(y)) << place;
      Reduce(ReduceKind::kMin, 1, 50, 1, x.data(), &y, pool);
      EXPECT_TRUE(std::isnan(y)) << place;
    }
  });
}

}  // namespace
}  // namespace squint
