#include "squint/kernels/elementwise/select.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

constexpr int64_t kCount = 16384 * 2 + 77;

std::vector<float> Wave(float step) {
  std::vector<float> numbers(kCount);
  for (size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = std::sin(static_cast<float>(i) * step) * 3.0f;
  }
  return numbers;
}

TEST(Select, TakesTheFirstWhereTheBitIsSetElseTheLimitedSecond) {
  const std::vector<float> a = Wave(0.37f);
  const std::vector<float> b = Wave(1.91f);
  std::vector<uint64_t> bits(kCount / 64 + 1);
  for (size_t i = 0; i < bits.size(); ++i) {
    bits[i] = (i + 1) * 0x9E3779B97F4A7C15ULL;
  }
  ForEachTarget([&] {
    ThreadPool pool(2);
    std::vector<float> out(kCount);
    SelectByBits(kCount, bits.data(), a.data(), b.data(), -1.0f, 2.0f,
                 out.data(), pool);
    for (size_t i = 0; i < out.size(); ++i) {
      const bool first = (bits[i / 64] >> (i % 64) & 1) != 0;
      ASSERT_EQ(out[i], first ? a[i] : std::clamp(b[i], -1.0f, 2.0f)) << i;
    }
  });
}

TEST(Select, KeepsGradientsWithinTheRangeEndsIncluded) {
  std::vector<float> x = Wave(0.77f);
  x[3] = -1.0f;
  x[4] = 2.0f;
  const std::vector<float> g = Wave(0.1f);
  ForEachTarget([&] {
    ThreadPool pool(2);
    std::vector<float> out(kCount);
    SelectInside(kCount, x.data(), -1.0f, 2.0f, g.data(), out.data(), pool);
    for (size_t i = 0; i < out.size(); ++i) {
      const bool inside = x[i] >= -1.0f && x[i] <= 2.0f;
      ASSERT_EQ(out[i], inside ? g[i] : 0.0f) << i;
    }
  });
}

TEST(Select, ChoosesRowsOfAnyLengthByBytes) {
  const uint8_t choice[] = {0, 1, 255, 0, 128, 2, 0, 0, 1, 0, 3, 0, 7, 0, 0, 1,
                            0, 9, 0,   0, 1,   1, 0, 4, 0, 0, 1, 0, 1, 0, 6};
  constexpr int64_t kMost = sizeof choice;
  uint32_t a[kMost], b[kMost];
  for (uint32_t i = 0; i < kMost; ++i) {
    a[i] = 0x7FC00000u + i;  // NaN of several kinds stay what they are
    b[i] = 1000u + i;
  }
  ForEachTarget([&] {
    for (int64_t length = 0; length < kMost; ++length) {
      for (int steps = 0; steps < 8; ++steps) {
        uint32_t out[kMost + 1];
        std::fill_n(out, kMost + 1, 42u);
        ChooseRow({length, choice + 1, steps & 1, a, steps >> 1 & 1, b,
                   steps >> 2 & 1, out});
        for (int64_t i = 0; i < length; ++i) {
          const uint32_t wanted = choice[1 + i * (steps & 1)] != 0
                                      ? a[i * (steps >> 1 & 1)]
                                      : b[i * (steps >> 2 & 1)];
          ASSERT_EQ(out[i], wanted) << length << " " << steps << " " << i;
        }
        ASSERT_EQ(out[length], 42u);
      }
    }
  });
}

TEST(Select, ScalesDifferences) {
  const std::vector<float> a = Wave(0.37f);
  const std::vector<float> b = Wave(1.91f);
  ForEachTarget([&] {
    ThreadPool pool(2);
    std::vector<float> out(kCount);
    ScaledDifference(kCount, 0.5f, a.data(), b.data(), out.data(), pool);
    for (size_t i = 0; i < out.size(); ++i) {
      ASSERT_EQ(out[i], 0.5f * (a[i] - b[i])) << i;
    }
  });
}

}  // namespace
}  // namespace squint
