#include "squint/kernels/interpolate/interpolate.h"

#include <gtest/gtest.h>

#include <random>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

TEST(Interpolate, SumsTheTapsOfEveryResult) {
  ForEachTarget([] {
    std::mt19937 engine(3);
    std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
    for (const int64_t inner : {1, 3, 8, 37}) {
      for (const int64_t taps : {1, 2, 5}) {
        AxisTaps axis{.in = 7, .taps = taps, .index = {}, .weight = {}};
        for (int64_t i = 0; i < 11 * taps; ++i) {
          axis.index.push_back(static_cast<int64_t>(engine() % 7));
          axis.weight.push_back(uniform(engine));
        }
        const int64_t outer = 300;
        std::vector<float> x(static_cast<size_t>(outer * 7 * inner));
        for (float& v : x) v = uniform(engine);
        std::vector<float> y(static_cast<size_t>(outer * 11 * inner));
        ThreadPool pool(2);
        InterpolateAxis(axis, outer, inner, x.data(), y.data(), pool);
        for (int64_t i = 0; i < static_cast<int64_t>(y.size()); ++i) {
          const int64_t result = i / inner % 11;
          double sum = 0;
          for (int64_t t = result * taps; t < (result + 1) * taps; ++t) {
            const auto at = static_cast<size_t>(t);
            const int64_t from =
                (i / inner / 11 * 7 + axis.index[at]) * inner + i % inner;
            sum += static_cast<double>(axis.weight[at]) *
                   static_cast<double>(x[static_cast<size_t>(from)]);
          }
          ASSERT_NEAR(static_cast<double>(y[static_cast<size_t>(i)]), sum,
                      1e-5);
        }
      }
    }
  });
}

}  // namespace
}  // namespace squint
