#include "squint/kernels/gemv/gemv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/gemv/gemv_ref.h"

namespace squint {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Problem {
  int64_t m, n, k;
  int bits = 4;
  bool is_signed = false;
  int64_t group = 32;
  bool zeros = false;
  bool transposed = false;   // stored [n, k], scales [n, groups]
  bool one_scale = false;    // of the whole matrix
  bool half_scales = false;  // float16 holds them
};

// A random weight, stored as `p` says, and rows to multiply it with.
class Check {
 public:
  explicit Check(const Problem& p) : p_(p), engine_(7) {
    const int64_t groups = p.group == 0 ? 1 : (p.k + p.group - 1) / p.group;
    data_.resize(static_cast<size_t>((p.k * p.n * p.bits + 7) / 8));
    for (uint8_t& byte : data_) byte = static_cast<uint8_t>(engine_());
    const int low = p.is_signed ? -(1 << (p.bits - 1)) : 0;
    const auto count = static_cast<size_t>(p.one_scale ? 1 : groups * p.n);
    std::uniform_int_distribution<int> zero(low, low + (1 << p.bits) - 1);
    for (size_t i = 0; i < count; ++i) {
      const float scale = 0.1f + std::fabs(Uniform());
      scales_.push_back(
          p.half_scales ? 0.25f + 0.125f * static_cast<float>(i % 5) : scale);
      zeros_.push_back(zero(engine_));
    }
    weight_ = {.k = p.k,
               .n = p.n,
               .bits = p.bits,
               .is_signed = p.is_signed,
               .data = data_.data(),
               .row_step = p.transposed ? 1 : p.n,
               .column_step = p.transposed ? p.k : 1,
               .group = p.group,
               .scales = scales_.data(),
               .scale_row = p.transposed ? 1 : p.n,
               .scale_column = p.transposed ? groups : 1,
               .zeros = p.zeros ? zeros_.data() : nullptr};
    if (p.one_scale) weight_.scale_row = weight_.scale_column = 0;
    x_.resize(static_cast<size_t>(p.m * p.k));
    for (float& v : x_) v = Uniform();
    bias_.resize(static_cast<size_t>(p.n));
    for (float& v : bias_) v = Uniform();
  }

  std::vector<float> Run(int64_t rows, int threads) {
    ThreadPool pool(threads);
    const PackedGroups packed = PackGroups(weight_);
    std::vector<float> y(static_cast<size_t>(rows * p_.n), 7e7f);
    std::vector<float> scratch(
        static_cast<size_t>(GroupedGemvScratch(rows, packed)));
    GroupedGemv({.m = rows,
                 .x = x_.data(),
                 .x_stride = p_.k,
                 .weight = packed,
                 .y = y.data(),
                 .y_stride = p_.n,
                 .epilogue = epilogue(),
                 .scratch = scratch.data()},
                pool);
    return y;
  }

  void ExpectTruth() {
    const std::vector<float> y = Run(p_.m, 2);
    std::vector<double> truth(y.size()), magnitude(y.size());
    GroupedGemvReference(p_.m, x_.data(), p_.k, weight_, epilogue(),
                         truth.data(), magnitude.data());
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(y[i]), truth[i],
                  1e-5 * magnitude[i] + 1e-30)
          << "m=" << p_.m << " n=" << p_.n << " k=" << p_.k
          << " bits=" << p_.bits << " group=" << p_.group << " at " << i;
    }
  }

  const GroupedWeight& weight() const { return weight_; }
  std::vector<float>& x() { return x_; }

 private:
  float Uniform() {
    return std::uniform_real_distribution<float>(-1.0f, 1.0f)(engine_);
  }
  Epilogue epilogue() const { return {bias_.data(), 0, 1, -kInfinity, 30.0f}; }

  Problem p_;
  std::mt19937 engine_;
  std::vector<uint8_t> data_;
  std::vector<float> scales_;
  std::vector<int32_t> zeros_;
  std::vector<float> x_;
  std::vector<float> bias_;
  GroupedWeight weight_;
};

TEST(GroupedGemv, EqualsTheTruthForEverySize) {
  ForEachTarget([] {
    for (const int64_t n : {1, 2, 31, 32, 33, 67}) {
      for (const int64_t k : {1, 7, 16, 31, 32, 33, 100, 300}) {
        for (const int64_t m : {1, 2, 5}) {
          Check({.m = m, .n = n, .k = k}).ExpectTruth();
        }
      }
    }
  });
}

TEST(GroupedGemv, TakesEveryTypeGroupAndZeroPoint) {
  ForEachTarget([] {
    for (const int bits : {2, 4, 8}) {
      for (const int64_t group : {0, 16, 64, 128, 272, 512}) {
        for (int form = 0; form < 32; ++form) {
          Check check({.m = 1 + 3 * (form & 1),
                       .n = 70,
                       .k = 545,
                       .bits = bits,
                       .is_signed = (form & 2) != 0,
                       .group = group,
                       .zeros = (form & 4) != 0,
                       .transposed = (form & 8) != 0,
                       .half_scales = (form & 16) != 0});
          check.ExpectTruth();
        }
      }
    }
  });
}

TEST(GroupedGemv, TakesOneScaleForTheWholeMatrix) {
  ForEachTarget([] {
    for (const bool zeros : {false, true}) {
      Check({.m = 2,
             .n = 40,
             .k = 600,
             .bits = 8,
             .is_signed = true,
             .group = 0,
             .zeros = zeros,
             .one_scale = true})
          .ExpectTruth();
    }
  });
}

TEST(GroupedGemv, GivesARowTheSameBitsAloneAndAmongOthers) {
  ForEachTarget([] {
    for (const int bits : {2, 4, 8}) {
      for (const bool zeros : {false, true}) {
        Check check(
            {.m = 101, .n = 70, .k = 333, .bits = bits, .zeros = zeros});
        const std::vector<float> alone = check.Run(1, 1);
        for (const int64_t rows : {2, 3, 4, 5, 6, 7, 48, 49, 101}) {
          for (const int threads : {1, 3}) {
            std::vector<float> y = check.Run(rows, threads);
            y.resize(alone.size());
            ASSERT_EQ(y, alone) << rows << " rows, " << threads << " threads";
          }
        }
      }
    }
  });
}

TEST(GroupedGemv, GivesZeroForWeightsThatAreAllZero) {
  ForEachTarget([] {
    const std::vector<uint8_t> data(32 * 40 / 2, 0x77);
    const std::vector<float> scales(40, 1.0f);
    const std::vector<int32_t> zeros(40, 7);
    const PackedGroups packed = PackGroups({.k = 32,
                                            .n = 40,
                                            .data = data.data(),
                                            .row_step = 40,
                                            .group = 32,
                                            .scales = scales.data(),
                                            .scale_row = 40,
                                            .zeros = zeros.data()});
    std::vector<float> x;
    for (int i = 0; i < 32; ++i) x.push_back(0.1f * static_cast<float>(i));
    std::vector<float> y(40, 1.0f);
    std::vector<float> scratch(
        static_cast<size_t>(GroupedGemvScratch(1, packed)));
    ThreadPool pool(1);
    GroupedGemv({.m = 1,
                 .x = x.data(),
                 .x_stride = 32,
                 .weight = packed,
                 .y = y.data(),
                 .y_stride = 40,
                 .scratch = scratch.data()},
                pool);
    EXPECT_EQ(y, std::vector<float>(40, 0.0f));
  });
}

TEST(PackGroups, KeepsScalesInHalfPrecisionOnlyWhereThatIsExact) {
  ForEachTarget([] {
    Check exact({.m = 1, .n = 64, .k = 1024, .half_scales = true});
    Check rounded({.m = 1, .n = 64, .k = 1024});
    EXPECT_TRUE(PackGroups(exact.weight()).half_scales);
    EXPECT_FALSE(PackGroups(rounded.weight()).half_scales);
    EXPECT_LT(PackGroups(exact.weight()).bytes,
              PackGroups(rounded.weight()).bytes);
  });
}

TEST(PackGroups, StoresZeroPointsOnlyWhereTheyDiffer) {
  ForEachTarget([] {
    const std::vector<uint8_t> data(32 * 64 / 2, 0x5A);
    const std::vector<float> scales(64, 1.0f);
    std::vector<int32_t> zeros(64, 8);
    const GroupedWeight weight{.k = 32,
                               .n = 64,
                               .data = data.data(),
                               .row_step = 64,
                               .group = 32,
                               .scales = scales.data(),
                               .scale_row = 64,
                               .zeros = zeros.data()};
    EXPECT_FALSE(PackGroups(weight).has_zeros);
    EXPECT_EQ(PackGroups(weight).zero, 8);
    zeros[63] = 7;
    EXPECT_TRUE(PackGroups(weight).has_zeros);
  });
}

TEST(GroupedGemv, TakesNumbersThatAreNotFiniteAsTheyMultiply) {
  ForEachTarget([] {
    Check check({.m = 3, .n = 40, .k = 64});
    const std::vector<float> before = check.Run(3, 1);
    check.x()[3] = NAN;
    check.x()[2 * 64 + 5] = std::numeric_limits<float>::infinity();
    const std::vector<float> y = check.Run(3, 1);
    for (int64_t j = 0; j < 40; ++j) {
      const auto at = static_cast<size_t>(j);
      EXPECT_TRUE(std::isnan(y[at])) << j;
      EXPECT_EQ(y[40 + at], before[40 + at]) << j;
      const double weight = WeightAt(check.weight(), 5, j);
      if (weight == 0) {
        EXPECT_TRUE(std::isnan(y[80 + at])) << j;
      } else {
        EXPECT_EQ(y[80 + at], weight > 0 ? 30.0f : -kInfinity) << j;
      }
    }
  });
}

}  // namespace
}  // namespace squint
