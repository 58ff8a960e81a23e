#include "squint/kernels/qgemm/qgemm.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/qgemm/requantize_ref.h"

namespace squint {
namespace {

std::vector<uint8_t> Bytes(int64_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<uint8_t> bytes(static_cast<size_t>(count));
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(engine() >> 13);
  return bytes;
}

struct Problem {
  int64_t m, n, k;
  bool a_signed = false;
  bool b_signed = true;
  bool per_row = false;     // multiplier, bias and A's zero point; else columns
  bool transposed = false;  // both operands
  int64_t batch = 1;
};

class Product {
 public:
  explicit Product(const Problem& p)
      : p_(p),
        a_(Bytes(p.batch * p.m * p.k, 1)),
        b_(Bytes(p.batch * p.k * p.n, 2)) {
    std::mt19937 engine(3);
    const int64_t channels = p.per_row ? p.m : p.n;
    for (int64_t i = 0; i < channels; ++i) {
      bias_.push_back(static_cast<int32_t>(engine() % 20001) - 10000);
      multiplier_.push_back(1e-4f * static_cast<float>(engine() % 100 + 1));
      zeros_.push_back(static_cast<int32_t>(engine() % 9) - 4);
    }
    if (p.transposed) {
      va_ = {a_.data(), p.a_signed, 1, p.m, &one_, 0};
      vb_ = {b_.data(), p.b_signed, 1, p.k, &one_, 0};
    } else {
      va_ = {a_.data(), p.a_signed, p.k, 1, &one_, 0};
      vb_ = {b_.data(), p.b_signed, p.n, 1, &one_, 0};
    }
    ByteView& weights = p.per_row ? va_ : vb_;
    weights.zeros = zeros_.data();
    weights.zero_step = 1;
    r_.bias = bias_.data();
    r_.multiplier = multiplier_.data();
    (p.per_row ? r_.bias_row : r_.bias_column) = 1;
    (p.per_row ? r_.multiplier_row : r_.multiplier_column) = 1;
    r_.zero = p.a_signed ? -7 : 121;
    r_.low = static_cast<float>((p.a_signed ? -128 : 0) - r_.zero);
    r_.high = static_cast<float>((p.a_signed ? 127 : 255) - r_.zero);
    r_.is_signed = p.a_signed;
  }

  std::vector<uint8_t> Expected() const {
    std::vector<uint8_t> c;
    for (int64_t i = 0; i < p_.batch; ++i) {
      for (int64_t row = 0; row < p_.m; ++row) {
        for (int64_t column = 0; column < p_.n; ++column) {
          c.push_back(RequantizeRef(Sum(i, row, column), row, column, r_));
        }
      }
    }
    return c;
  }

  // One byte more a row than C has, which must stay as it is.
  std::vector<uint8_t> Computed(int threads) const {
    ThreadPool pool(threads);
    std::vector<uint8_t> c(static_cast<size_t>(p_.batch * p_.m * (p_.n + 1)),
                           0xA5);
    const WideMatrix a = WideRows(p_.m, p_.k, va_, p_.batch, p_.m * p_.k);
    const WideMatrix b = WidePanels(p_.k, p_.n, vb_, p_.batch, p_.k * p_.n);
    std::vector<int64_t> index;
    for (int64_t i = 0; i < p_.batch; ++i) index.push_back(i);
    QuantizedGemm({.m = p_.m,
                   .n = p_.n,
                   .k = p_.k,
                   .a = a.data.get(),
                   .b = b.data.get(),
                   .c = c.data(),
                   .c_stride = p_.n + 1,
                   .requantization = r_,
                   .batch = p_.batch,
                   .a_index = index.data(),
                   .b_index = index.data(),
                   .c_step = p_.m * (p_.n + 1)},
                  pool);
    std::vector<uint8_t> tight;
    for (size_t i = 0; i < c.size(); ++i) {
      if (i % static_cast<size_t>(p_.n + 1) == static_cast<size_t>(p_.n)) {
        EXPECT_EQ(c[i], 0xA5);
      } else {
        tight.push_back(c[i]);
      }
    }
    return tight;
  }

 private:
  static int32_t At(const ByteView& view, int64_t matrix, int64_t i,
                    int64_t j) {
    const uint8_t byte = static_cast<const uint8_t*>(
        view.data)[matrix + i * view.row_stride + j * view.column_stride];
    return view.is_signed ? static_cast<int8_t>(byte) : byte;
  }
  int32_t Sum(int64_t i, int64_t row, int64_t column) const {
    int32_t sum = 0;
    for (int64_t p = 0; p < p_.k; ++p) {
      sum +=
          (At(va_, i * p_.m * p_.k, row, p) - va_.zeros[row * va_.zero_step]) *
          (At(vb_, i * p_.k * p_.n, p, column) -
           vb_.zeros[column * vb_.zero_step]);
    }
    return sum;
  }

  Problem p_;
  std::vector<uint8_t> a_, b_;
  int32_t one_ = 1;
  std::vector<int32_t> bias_, zeros_;
  std::vector<float> multiplier_;
  ByteView va_, vb_;
  Requantization r_;
};

TEST(QuantizedGemm, EqualsTheSumsOfTheFormula) {
  const Problem problems[] = {
      {1, 1, 1},
      {1, 40, 7},
      {5, 17, 1, true},
      {6, 16, 32},
      {7, 33, 65, false, true, true},
      {13, 49, 200, true, true, true},
      {64, 100, 576, false, false},
      {3, 20, 900, false, true, true, true},
      {9, 31, 33, false, true, false, true},
      {4, 18, 12, true, true, false, false, 5},
      {2, 3, 0},
  };
  for (const Problem& p : problems) {
    SCOPED_TRACE(testing::Message() << p.m << " x " << p.n << " x " << p.k);
    const Product product(p);
    const std::vector<uint8_t> expected = product.Expected();
    ForEachTarget([&] {
      EXPECT_EQ(product.Computed(1), expected);
      EXPECT_EQ(product.Computed(2), expected);
    });
  }
}

TEST(QuantizedGemm, GivesRealNumbers) {
  const auto a = Bytes(3 * 5, 1);
  const auto b = Bytes(5 * 19, 2);
  const int32_t zero = 3;
  const float multiplier = 0.37f;
  std::vector<int32_t> bias;
  for (int i = 0; i < 19; ++i) bias.push_back(100 * i - 700);
  std::vector<float> expected;
  for (int64_t i = 0; i < 3; ++i) {
    for (int64_t j = 0; j < 19; ++j) {
      int32_t sum = bias[static_cast<size_t>(j)];
      for (int64_t k = 0; k < 5; ++k) {
        sum += (a[static_cast<size_t>(i * 5 + k)] - zero) *
               (static_cast<int8_t>(b[static_cast<size_t>(k * 19 + j)]) - zero);
      }
      expected.push_back(static_cast<float>(sum) * multiplier);
    }
  }
  ForEachTarget([&] {
    ThreadPool pool(1);
    const WideMatrix rows = WideRows(3, 5, {a.data(), false, 5, 1, &zero, 0});
    const WideMatrix panels =
        WidePanels(5, 19, {b.data(), true, 19, 1, &zero, 0});
    std::vector<float> c(expected.size());
    QuantizedGemm({.m = 3,
                   .n = 19,
                   .k = 5,
                   .a = rows.data.get(),
                   .b = panels.data.get(),
                   .c = c.data(),
                   .c_stride = 19 * sizeof(float),
                   .requantization = {.bias = bias.data(),
                                      .bias_column = 1,
                                      .multiplier = &multiplier,
                                      .is_real = true}},
                  pool);
    EXPECT_EQ(c, expected);
  });
}

TEST(QuantizedGemm, HoldsTheLargestSums) {
  const int64_t k = kMaxQuantizedDepth;
  const std::vector<uint8_t> ones(static_cast<size_t>(k), 255);
  const int32_t zero = 0;
  const float multiplier = 1.0f;
  ForEachTarget([&] {
    ThreadPool pool(1);
    const WideMatrix a = WideRows(1, k, {ones.data(), false, k, 1, &zero, 0});
    const WideMatrix b = WidePanels(k, 1, {ones.data(), false, 1, 1, &zero, 0});
    const int32_t bias = -255 * 255 * static_cast<int32_t>(k) + 77;
    uint8_t c = 0;
    QuantizedGemm(
        {.m = 1,
         .n = 1,
         .k = k,
         .a = a.data.get(),
         .b = b.data.get(),
         .c = &c,
         .c_stride = 1,
         .requantization = {.bias = &bias, .multiplier = &multiplier}},
        pool);
    EXPECT_EQ(c, 77);
  });
}

}  // namespace
}  // namespace squint
