#include "squint/kernels/gemm/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/gemm/gemm_ref.h"

namespace squint {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> Random(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(count);
  for (float& v : values) v = uniform(engine);
  return values;
}

struct Problem {
  int64_t m, n, k;
  bool pack_a = false;
  bool pack_b = false;
  bool transpose_a = false;
  bool transpose_b = false;
  Epilogue epilogue = {};
  Products products = Products::kFloat32;
};

class GemmCheck {
 public:
  explicit GemmCheck(const Problem& p)
      : p_(p),
        a_(Random(static_cast<size_t>(p.m * p.k), 1)),
        b_(Random(static_cast<size_t>(p.k * p.n), 2)),
        c_(static_cast<size_t>(p.m * p.n), 7e7f) {
    va_ = p.transpose_a ? MatrixView{a_.data(), 1, p.m}
                        : MatrixView{a_.data(), p.k, 1};
    vb_ = p.transpose_b ? MatrixView{b_.data(), 1, p.k}
                        : MatrixView{b_.data(), p.n, 1};
  }

  std::vector<float> Run(int threads) {
    ThreadPool pool(threads);
    GemmArgs args{.m = p_.m,
                  .n = p_.n,
                  .k = p_.k,
                  .a = va_,
                  .b = vb_,
                  .c = c_.data(),
                  .c_stride = p_.n,
                  .epilogue = p_.epilogue,
                  .products = p_.products};
    const PackedMatrix left = PackLeft(p_.m, p_.k, va_, 1, 0, p_.products);
    const PackedMatrix right = PackRight(p_.k, p_.n, vb_, 1, 0, p_.products);
    if (p_.pack_a) args.packed_a = &left;
    if (p_.pack_b) args.packed_b = &right;
    Gemm(args, pool);
    return c_;
  }

  void ExpectTruth(const std::vector<float>& c) {
    std::vector<double> truth(c.size());
    std::vector<double> magnitude(c.size());
    GemmReference(p_.m, p_.n, p_.k, va_, vb_, p_.epilogue, truth.data(),
                  magnitude.data());
    for (size_t i = 0; i < c.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(c[i]), truth[i],
                  1e-5 * magnitude[i] + 1e-30)
          << "m=" << p_.m << " n=" << p_.n << " k=" << p_.k << " at " << i;
    }
  }

  // Bit for bit; without bias, in one block of K.
  void ExpectBf16(const std::vector<float>& c) {
    for (int64_t i = 0; i < p_.m; ++i) {
      for (int64_t j = 0; j < p_.n; ++j) {
        ASSERT_EQ(c[static_cast<size_t>(i * p_.n + j)],
                  Bf16SumReference(
                      p_.k, va_.data + i * va_.row_stride, va_.column_stride,
                      vb_.data + j * vb_.column_stride, vb_.row_stride))
            << "m=" << p_.m << " n=" << p_.n << " k=" << p_.k << " at " << i
            << ", " << j;
      }
    }
  }
  // Factors that bfloat16 holds.
  void RoundFactors() {
    for (float& v : a_) v = RoundedToBf16(v);
    for (float& v : b_) v = RoundedToBf16(v);
  }

 private:
  Problem p_;
  std::vector<float> a_, b_, c_;
  MatrixView va_, vb_;
};

// Tiles are 8 or 4 rows and 48, 24, 8 or 2 columns; K blocks end at 320.
TEST(Gemm, EqualsTheTruthAroundTileBorders) {
  ForEachTarget([] {
    for (const int64_t m : {1, 3, 4, 5, 7, 8, 9, 19}) {
      for (const int64_t n : {1, 2, 3, 4, 5, 15, 16, 17, 47, 48, 49, 99}) {
        for (const int64_t k : {1, 2, 33}) {
          GemmCheck check({.m = m, .n = n, .k = k, .pack_a = true});
          check.ExpectTruth(check.Run(1));
        }
      }
    }
  });
}

TEST(Gemm, EqualsTheTruthAroundBlocksOfK) {
  ForEachTarget([] {
    for (const int64_t k : {0, 1, 2, 319, 320, 321, 643}) {
      GemmCheck check({.m = 9, .n = 50, .k = k});
      check.ExpectTruth(check.Run(1));
    }
  });
}

TEST(Gemm, TakesEveryLayoutOfItsOperands) {
  ForEachTarget([] {
    const std::vector<float> bias = Random(70 * 200, 3);
    for (int bits = 0; bits < 16; ++bits) {
      GemmCheck check({.m = 70,
                       .n = 200,
                       .k = 65,
                       .pack_a = (bits & 1) != 0,
                       .pack_b = (bits & 2) != 0,
                       .transpose_a = (bits & 4) != 0,
                       .transpose_b = (bits & 8) != 0,
                       .epilogue = {bias.data(), 200, 1}});
      check.ExpectTruth(check.Run(2));
    }
  });
}

TEST(Gemm, AddsBiasByRowByColumnAndByElementAndClamps) {
  ForEachTarget([] {
    const std::vector<float> bias = Random(9 * 50, 3);
    for (const int64_t k : {20, 700}) {
      for (const int64_t row : {0, 1, 50}) {
        for (const int64_t column : {0, 1}) {
          GemmCheck check({.m = 9,
                           .n = 50,
                           .k = k,
                           .epilogue = {bias.data(), row, column, -0.5f, 2}});
          check.ExpectTruth(check.Run(1));
        }
      }
    }
  });
}

TEST(Gemm, AddsAMatrixWithEveryBias) {
  ForEachTarget([] {
    const std::vector<float> bias = Random(70 * 200, 3);
    const std::vector<float> added = Random(70 * 211, 4);
    for (const int64_t k : {65, 700}) {
      for (const int form : {0, 1, 2, 3}) {  // none, by row, by column, all
        Epilogue epilogue{form == 0 ? nullptr : bias.data(),
                          form == 1   ? 1
                          : form == 3 ? 200
                                      : 0,
                          form < 2 ? 0 : 1, -0.5f, 2};
        epilogue.added = added.data();
        epilogue.added_stride = 211;
        for (const int64_t m : {1, 70}) {
          GemmCheck check(
              {.m = m, .n = 200, .k = k, .pack_b = true, .epilogue = epilogue});
          check.ExpectTruth(check.Run(2));
        }
      }
    }
  });
}

TEST(Gemm, GivesTheSameBitsForEveryThreadCount) {
  ForEachTarget([] {
    const Problem problem{.m = 130, .n = 333, .k = 700, .pack_a = true};
    const auto one = GemmCheck(problem).Run(1);
    for (const int threads : {2, 3, 8}) {
      EXPECT_EQ(GemmCheck(problem).Run(threads), one) << threads;
    }
  });
}

TEST(Gemm, BroadcastsMatricesOfABatch) {
  ForEachTarget([] {
    const auto a = Random(2 * 5 * 6, 1);
    const auto b = Random(3 * 6 * 7, 2);
    const int64_t a_offsets[] = {0, 30, 0};
    const int64_t b_offsets[] = {84, 42, 0};
    const int64_t b_matrices[] = {2, 1, 0};
    ThreadPool pool(2);
    for (const bool packed : {false, true}) {
      std::vector<float> c(3 * 35);
      const PackedMatrix right = PackRight(6, 7, {b.data(), 7, 1}, 3, 42);
      GemmArgs args{.m = 5,
                    .n = 7,
                    .k = 6,
                    .a = {a.data(), 6, 1},
                    .b = {b.data(), 7, 1},
                    .c = c.data(),
                    .c_stride = 7,
                    .batch = 3,
                    .a_offsets = a_offsets,
                    .b_offsets = packed ? b_matrices : b_offsets,
                    .c_step = 35};
      if (packed) args.packed_b = &right;
      Gemm(args, pool);
      for (int i = 0; i < 3; ++i) {
        std::vector<double> truth(35), magnitude(35);
        GemmReference(5, 7, 6, {a.data() + a_offsets[i], 6, 1},
                      {b.data() + b_offsets[i], 7, 1}, {}, truth.data(),
                      magnitude.data());
        for (size_t j = 0; j < 35; ++j) {
          EXPECT_NEAR(c[static_cast<size_t>(i) * 35 + j], truth[j], 1e-5);
        }
      }
    }
  });
}

TEST(Gemm, KeepsNaNThroughTheClamp) {
  ForEachTarget([] {
    std::vector<float> a(9 * 3, 1.0f);
    a[3] = NAN;  // row 1
    const std::vector<float> b(3 * 50, 1.0f);
    std::vector<float> c(9 * 50);
    ThreadPool pool(1);
    Gemm({.m = 9,
          .n = 50,
          .k = 3,
          .a = {a.data(), 3, 1},
          .b = {b.data(), 50, 1},
          .c = c.data(),
          .c_stride = 50,
          .epilogue = {nullptr, 0, 0, 0.0f, 2.5f}},
         pool);
    EXPECT_TRUE(std::isnan(c[50]));
    EXPECT_TRUE(std::isnan(c[99]));
    EXPECT_EQ(c[0], 2.5f);
  });
}

// A row of the product alone, and among others on every path that a matrix
// of weights may take.
TEST(Gemm, GivesARowTheSameBitsAloneAndAmongOthers) {
  ForEachTarget([] {
    ThreadPool pool(2);
    constexpr int64_t kRows = 9;
    for (const int64_t n : {1, 3, 7, 8, 24, 25, 28, 51, 129}) {
      for (const int64_t k : {0, 1, 33, 320, 321, 700}) {
        const auto a = Random(static_cast<size_t>(kRows * k), 1);
        const auto b = Random(static_cast<size_t>(k * n), 2);
        const auto bias = Random(static_cast<size_t>(n), 3);
        const PackedMatrix packed = PackRight(k, n, {b.data(), n, 1});
        const Epilogue epilogue{bias.data(), 0, 1, -kInfinity, 3.0f};
        const auto product = [&](int64_t rows, bool pack) {
          std::vector<float> c(static_cast<size_t>(rows * n));
          Gemm({.m = rows,
                .n = n,
                .k = k,
                .a = {a.data(), k, 1},
                .b = {b.data(), n, 1},
                .packed_b = pack ? &packed : nullptr,
                .c = c.data(),
                .c_stride = n,
                .epilogue = epilogue},
               pool);
          c.resize(static_cast<size_t>(n));
          return c;
        };
        std::vector<float> alone(static_cast<size_t>(n));
        Gemv(k, n, a.data(), b.data(), n, alone.data(), epilogue, pool);
        for (const int64_t rows : {int64_t{1}, int64_t{3}, int64_t{5}, kRows}) {
          for (const bool pack : {false, true}) {
            ASSERT_EQ(product(rows, pack), alone)
                << "n=" << n << " k=" << k << " rows=" << rows
                << " packed=" << pack;
          }
        }
      }
    }
  });
}

TEST(Gemv, EqualsTheTruth) {
  ForEachTarget([] {
    ThreadPool pool(2);
    for (const int64_t n : {1, 7, 16, 17, 100, 127, 128, 129, 300}) {
      for (const int64_t k : {0, 1, 63, 64, 65, 500}) {
        const auto x = Random(static_cast<size_t>(k), 1);
        const auto b = Random(static_cast<size_t>(k * n), 2);
        const auto bias = Random(static_cast<size_t>(n), 3);
        const auto added = Random(static_cast<size_t>(n), 4);
        Epilogue epilogue{bias.data(), 0, 1, -kInfinity, 3.0f};
        if (k % 2 == 0) epilogue.added = added.data();
        std::vector<float> y(static_cast<size_t>(n));
        std::vector<double> truth(y.size()), magnitude(y.size());
        Gemv(k, n, x.data(), b.data(), n, y.data(), epilogue, pool);
        GemmReference(1, n, k, {x.data(), k, 1}, {b.data(), n, 1}, epilogue,
                      truth.data(), magnitude.data());
        for (size_t i = 0; i < y.size(); ++i) {
          ASSERT_NEAR(static_cast<double>(y[i]), truth[i], 1e-5 * magnitude[i])
              << n << " " << k << " " << i;
        }
      }
    }
  });
}

TEST(Bf16Gemm, AddsExactProductsOfRoundedFactorsPairByPair) {
  ForEachTarget([] {
    for (const int64_t m : {1, 5, 8, 9}) {
      for (const int64_t n : {1, 8, 17, 47, 49}) {
        for (const int64_t k : {1, 2, 15, 64, 320}) {
          GemmCheck check(
              {.m = m, .n = n, .k = k, .products = Products::kBf16});
          check.ExpectBf16(check.Run(1));
        }
      }
    }
  });
}

TEST(Bf16Gemm, TakesEveryLayoutOfItsOperands) {
  ForEachTarget([] {
    for (int bits = 0; bits < 16; ++bits) {
      GemmCheck check({.m = 70,
                       .n = 130,
                       .k = 65,
                       .pack_a = (bits & 1) != 0,
                       .pack_b = (bits & 2) != 0,
                       .transpose_a = (bits & 4) != 0,
                       .transpose_b = (bits & 8) != 0,
                       .products = Products::kBf16});
      check.ExpectBf16(check.Run(2));
    }
  });
}

TEST(Bf16Gemm, EqualsTheTruthOfRoundedFactorsOverBlocksOfKWithBias) {
  ForEachTarget([] {
    const std::vector<float> bias = Random(9 * 50, 3);
    for (const int64_t k : {0, 639, 641, 1300}) {
      GemmCheck check({.m = 9,
                       .n = 50,
                       .k = k,
                       .pack_a = k == 1300,
                       .pack_b = true,
                       .epilogue = {bias.data(), 50, 1, -0.5f, 2},
                       .products = Products::kBf16});
      check.RoundFactors();
      check.ExpectTruth(check.Run(2));
    }
  });
}

TEST(Bf16Gemm, RoundsHalfToEvenAndKeepsWhatIsNoNumber) {
  ForEachTarget([] {
    const float half = std::ldexp(1.0f, -8);
    const std::vector<float> a = {
        1 + half,  1 + 3 * half, 1 + half + std::ldexp(1.0f, -20),
        -1 - half, kInfinity,    std::numeric_limits<float>::max(),
        NAN,       0.0f,         -0.375f};
    const std::vector<float> rounded = {
        1, 1 + 4 * half, 1 + 2 * half, -1, kInfinity, kInfinity, NAN,
        0, -0.375f};
    const auto m = static_cast<int64_t>(a.size());
    const float one = 1;
    std::vector<float> c(a.size());
    ThreadPool pool(1);
    Gemm({.m = m,
          .n = 1,
          .k = 1,
          .a = {a.data(), 1, 1},
          .b = {&one, 1, 1},
          .c = c.data(),
          .c_stride = 1,
          .products = Products::kBf16},
         pool);
    for (size_t i = 0; i < a.size(); ++i) {
      if (std::isnan(rounded[i])) {
        EXPECT_TRUE(std::isnan(c[i])) << i;
      } else {
        EXPECT_EQ(c[i], rounded[i]) << i;
      }
    }
  });
}

}  // namespace
}  // namespace squint
