#include "squint/kernels/soft_rounding/soft_rounding.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/soft_rounding/soft_rounding_ref.h"

namespace squint {
namespace {

struct Weights {
  std::vector<float> floor, scale, gradient, v, first, second, weight;

  explicit Weights(size_t count) : weight(count) {
    std::mt19937 engine(static_cast<unsigned>(count));
    const auto draw = [&](float low, float high) {
      std::uniform_real_distribution<float> uniform(low, high);
      std::vector<float> numbers(count);
      for (float& x : numbers) x = uniform(engine);
      return numbers;
    };
    floor = draw(-9, 9);
    for (float& x : floor) x = std::floor(x);
    scale = draw(0.01f, 0.1f);
    gradient = draw(-5, 5);
    v = draw(-4, 4);
    first = draw(-0.1f, 0.1f);
    second = draw(0.001f, 0.1f);
  }

  SoftRoundingArgs Args(int power) {
    return {.count = static_cast<int64_t>(weight.size()),
            .floor = floor.data(),
            .scale = scale.data(),
            .lowest = -7,
            .highest = 7,
            .gradient = gradient.data(),
            .v = v.data(),
            .first = first.data(),
            .second = second.data(),
            .weight = weight.data(),
            .rate = 0.01f,
            .second_correction = 3.0f,
            .pull = 0.2f,
            .power = power};
  }
};

void ExpectNear(const std::vector<float>& got, const std::vector<float>& want,
                const char* what) {
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], 2e-5f * (1.0f + std::fabs(want[i])))
        << what << " " << i;
  }
}

TEST(SoftRounding, StepsLikeTheReferenceOnEveryTarget) {
  ForEachTarget([] {
    ThreadPool pool(2);
    for (const size_t count : {1, 7, 64, 5000}) {
      for (const int power : {2, 8, 20}) {
        Weights got(count);
        Weights want(count);
        StepSoftRounding(got.Args(power), pool);
        for (size_t i = 0; i < count; ++i) {
          StepSoftRoundingReference(want.Args(power), static_cast<int64_t>(i));
        }
        ExpectNear(got.v, want.v, "v");
        ExpectNear(got.first, want.first, "first moment");
        ExpectNear(got.second, want.second, "second moment");
        ExpectNear(got.weight, want.weight, "weight");
      }
    }
  });
}

TEST(SoftRounding, DescentWithoutALossGoesToTheNearerNeighbour) {
  ThreadPool pool(1);
  Weights weights(200);
  std::fill(weights.gradient.begin(), weights.gradient.end(), 0.0f);
  std::fill(weights.first.begin(), weights.first.end(), 0.0f);
  std::fill(weights.second.begin(), weights.second.end(), 0.0f);
  const std::vector<float> before = weights.v;
  SoftRoundingArgs args = weights.Args(2);
  args.second_correction = 1.0f;
  for (int i = 0; i < 2000; ++i) StepSoftRounding(args, pool);
  for (size_t i = 0; i < before.size(); ++i) {
    if (std::fabs(before[i]) < 0.05f) continue;  // hardly decided
    const double h = Rounding(static_cast<double>(weights.v[i]));
    EXPECT_NEAR(h, before[i] > 0 ? 1.0 : 0.0, 0.02) << before[i];
  }
}

}  // namespace
}  // namespace squint
