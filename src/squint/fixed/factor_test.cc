#include "squint/fixed/factor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "squint/kernels/fixed/long_scale.h"
#include "squint/kernels/fixed/scale.h"

namespace squint {
namespace {

double ValueOf(const FixedFactor& factor) {
  return std::ldexp(static_cast<double>(factor.multiplier), -factor.shift);
}

TEST(FactorOf, KeepsThirtyOneBits) {
  for (const double real : {1.0, 0.5, 0.9999999999, 3.7e-5, 123.25, 1e9}) {
    EXPECT_NEAR(ValueOf(FactorOf(real)), real, real * std::ldexp(1, -31));
  }
  EXPECT_EQ(FactorOf(0.5).multiplier, 1 << 30);
}

TEST(FactorOf, GivesZeroAndTheLargestBeyondItsRange) {
  EXPECT_EQ(FactorOf(0).multiplier, 0);
  EXPECT_EQ(FactorOf(std::ldexp(1, -40)).multiplier, 0);
  EXPECT_EQ(FactorOf(1e30).multiplier, std::numeric_limits<int32_t>::max());
  EXPECT_EQ(FactorOf(1e30).shift, 1);
}

// The formula in 128 bits.
int32_t ScaleTruth(int64_t value, int32_t multiplier, int32_t shift) {
  constexpr __int128 kLimit = __int128{1} << 30;
  const __int128 product = static_cast<__int128>(value) * multiplier;
  const __int128 scaled = (product + (__int128{1} << (shift - 1))) >> shift;
  return static_cast<int32_t>(std::clamp(scaled, -kLimit, kLimit));
}

TEST(SquintScale, RoundsOnceForEveryShift) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
  for (int32_t shift = 1; shift <= 62; ++shift) {
    for (const int32_t multiplier : {0, 1, 1 << 30, 1518500250, kMax}) {
      for (const int32_t value :
           {kMin, -(1 << 24) - 1, -3, -1, 0, 1, 2, 5, 1 << 20, kMax}) {
        EXPECT_EQ(squint_scale(value, multiplier, shift),
                  ScaleTruth(value, multiplier, shift))
            << value << " * " << multiplier << " >> " << shift;
      }
    }
  }
}

TEST(SquintScale, RoundsHalvesUp) {
  const FixedFactor half = FactorOf(0.5);
  EXPECT_EQ(squint_scale(3, half.multiplier, half.shift), 2);
  EXPECT_EQ(squint_scale(-3, half.multiplier, half.shift), -1);
}

TEST(SquintLongScale, RoundsOnceForEveryShift) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  constexpr int64_t kOne = 1;
  for (int32_t shift = 1; shift <= 62; ++shift) {
    for (const int32_t multiplier : {0, 1 << 30, 1518500250, kMax}) {
      for (const int64_t sum :
           {-(kOne << 62) + 1, -(kOne << 40) - 3, -(kOne << 31), -kOne,
            kOne * 0, kOne, kOne << 30, (kOne << 33) + 1,
            (kOne << 61) + 12345}) {
        const auto known = std::clamp<int64_t>(sum, -(kOne << 30), kOne << 30);
        EXPECT_EQ(squint_long_scale(sum, multiplier, shift),
                  ScaleTruth(shift < 32 ? known : sum, multiplier, shift))
            << sum << " * " << multiplier << " >> " << shift;
      }
    }
  }
}

}  // namespace
}  // namespace squint
