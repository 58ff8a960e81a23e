#include "squint/kernels/qrows/qrows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <string>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/qgemm/requantize_ref.h"

namespace squint {
namespace {

// Tap t of row i lies at offset i * 3 + t * 7 of the bytes.
class Scattered final : public RowSource {
 public:
  Scattered(const uint8_t* data, int64_t taps) : data_(data), taps_(taps) {}
  void Find(int64_t begin, int64_t count,
            const uint8_t** places) const noexcept override {
    for (int64_t t = 0; t < taps_; ++t) {
      for (int64_t i = 0; i < count; ++i) {
        places[t * count + i] = data_ + (begin + i) * 3 + t * 7;
      }
    }
  }

 private:
  const uint8_t* data_;
  int64_t taps_;
};

struct Problem {
  Problem(int64_t row_count, const RowWeightsShape& weights_shape)
      : rows(row_count), shape(weights_shape) {
    std::mt19937 engine(7);
    for (int64_t i = 0; i < rows * 3 + shape.taps * 7 + shape.depth + 4; ++i) {
      x.push_back(static_cast<uint8_t>(engine() >> 9));
    }
    for (int64_t i = 0; i < shape.outputs * shape.terms(); ++i) {
      w.push_back(static_cast<int8_t>(engine() >> 9));
    }
    for (int64_t i = 0; i < rows * shape.outputs; ++i) {
      added.push_back(static_cast<uint8_t>(engine() >> 9));
    }
    for (int64_t j = 0; j < shape.outputs; ++j) {
      bias.push_back(static_cast<int32_t>(engine() % 2001) - 1000);
      multiplier.push_back(1e-4f * static_cast<float>(engine() % 90 + 1));
    }
    bias.resize(bias.size() + kColumnPadding);
    multiplier.resize(bias.size());
    r = {.bias = bias.data(),
         .bias_column = 1,
         .multiplier = multiplier.data(),
         .multiplier_column = 1,
         .low = -13,
         .high = 242,
         .zero = 13};
  }

  int32_t Sum(int64_t i, int64_t j) const {
    int32_t sum = 0;
    for (int64_t t = 0; t < shape.taps; ++t) {
      for (int64_t d = 0; d < shape.depth; ++d) {
        sum += x[static_cast<size_t>(i * 3 + t * 7 + d)] *
               w[static_cast<size_t>((j * shape.taps + t) * shape.depth + d)];
      }
    }
    return sum;
  }

  uint8_t Expected(int64_t i, int64_t j) const {
    const auto column = static_cast<size_t>(j);
    if (r.is_real) {
      const float real =
          static_cast<float>(Sum(i, j) + bias[column]) * multiplier[column] +
          r.added[column];
      const float v = real / r.step;
      const float limited = std::isnan(v) ? 0 : std::clamp(v, r.low, r.high);
      return static_cast<uint8_t>(static_cast<int>(std::nearbyintf(limited)) +
                                  r.zero);
    }
    const uint8_t q = RequantizeRef(Sum(i, j), 0, j, r);
    if (r.addition.added == nullptr) return q;
    const ByteAddition& a = r.addition;
    const auto own = static_cast<float>(q);
    const uint8_t byte = added[static_cast<size_t>(i * shape.outputs + j)];
    const auto other = a.added_is_signed
                           ? static_cast<float>(static_cast<int8_t>(byte))
                           : static_cast<float>(byte);
    const float v =
        a.own_last ? std::fma(a.own, own, std::fma(a.other, other, a.fixed))
                   : std::fma(a.other, other, std::fma(a.own, own, a.fixed));
    const float limited = std::clamp(v, a.low, a.high);
    return static_cast<uint8_t>(static_cast<int>(std::nearbyintf(limited)));
  }

  void Check(int threads, bool quads) const {
    const RowWeights packed =
        (quads ? PackRowQuads : PackRowWeights)(shape, w.data());
    ThreadPool pool(threads);
    const int64_t stride = shape.outputs + 5;  // other bytes stay
    std::vector<uint8_t> y(static_cast<size_t>(rows * stride), 77);
    const size_t bytes = RowProductScratch(rows, shape, threads);
    const std::unique_ptr<std::byte[]> scratch(new std::byte[bytes + 64]);
    void* aligned = scratch.get();
    size_t space = bytes + 64;
    aligned = std::align(64, bytes, aligned, space);
    const Scattered source(x.data(), shape.taps);
    (quads ? RowProductOfQuads : RowProduct)(
        {rows, source, packed, r, y.data(), stride, aligned}, pool);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < stride; ++j) {
        ASSERT_EQ(y[static_cast<size_t>(i * stride + j)],
                  j < shape.outputs ? Expected(i, j) : 77)
            << "row " << i << ", output " << j << (quads ? ", quads" : "");
      }
    }
  }

  void CheckAll() const {
    ForEachTarget([&] {
      for (const int threads : {1, 2}) {
        Check(threads, false);
        Check(threads, true);
      }
    });
  }

  int64_t rows;
  RowWeightsShape shape;
  std::vector<uint8_t> x;
  std::vector<int8_t> w;
  std::vector<uint8_t> added;
  std::vector<int32_t> bias;
  std::vector<float> multiplier;
  Requantization r;
};

TEST(RowProduct, EqualsTheFormulaInEverySize) {
  for (const int64_t rows : {1, 3, 5, 14, 97}) {
    for (const RowWeightsShape& shape : {RowWeightsShape{1, 1, 1},
                                         {16, 1, 4},
                                         {24, 9, 8},
                                         {33, 3, 21},
                                         {70, 1, 64},
                                         {130, 2, 6}}) {
      SCOPED_TRACE(std::to_string(rows) + " rows, " +
                   std::to_string(shape.outputs) + " outputs");
      Problem(rows, shape).CheckAll();
    }
  }
}

TEST(RowProduct, StoresTheSameWhateverIsKnownOfItsParameters) {
  for (const bool is_signed : {false, true}) {
    Problem problem(29, {45, 1, 9});
    problem.bias[3] = 2'000'000'000;
    problem.bias[17] = -2'000'000'000;
    problem.bias[33] = 40'000'000;
    problem.multiplier[3] = problem.multiplier[17] = 0.99f;
    problem.r.is_signed = is_signed;
    problem.r.low = is_signed ? -115 : -13;
    problem.r.high = is_signed ? 140 : 242;
    problem.r.zero = is_signed ? -13 : 13;
    for (const bool known : {false, true}) {
      for (const bool is_padded : {false, true}) {
        problem.r.clamps_by_packing = known;
        problem.r.is_padded = is_padded;
        problem.CheckAll();
      }
    }
  }
}

// Weights whose pairs vpmaddubsw takes, at their limit.
TEST(RowProduct, IsTheSameWherePairsOfWeightsAreSmall) {
  for (const RowWeightsShape& shape :
       {RowWeightsShape{40, 3, 20}, {17, 1, 7}, {64, 1, 128}}) {
    Problem problem(23, shape);
    for (size_t i = 0; i < problem.w.size(); ++i) {
      problem.w[i] = static_cast<int8_t>(i % 3 == 0 ? -64 : problem.w[i] / 2);
    }
    std::fill(problem.x.begin(), problem.x.end(), uint8_t{255});
    problem.CheckAll();
  }
}

// The same with large pairs of two signs, and at the limit of one.
TEST(RowProduct, IsTheSameWherePairsOfWeightsDifferInSign) {
  for (const auto& [first, second] :
       {std::pair{127, -128}, {-128, 127}, {127, 1}, {-127, -1}, {0, -128}}) {
    Problem problem(23, {40, 3, 20});
    for (size_t i = 0; i < problem.w.size(); ++i) {
      problem.w[i] = static_cast<int8_t>(i % 2 == 0 ? first : second);
    }
    for (const uint8_t odd : {uint8_t{0}, uint8_t{255}}) {
      for (size_t i = 0; i < problem.x.size(); ++i) {
        problem.x[i] = i % 2 == 0 ? 255 : odd;
      }
      problem.CheckAll();
    }
  }
}

TEST(RowProduct, CutsLongRowsIntoBlocks) {
  Problem(61, {20, 9, 540}).CheckAll();
}

TEST(RowProduct, AddsATensorAsQLinearAddDoes) {
  for (const int64_t outputs : {40, 45, 64, 100}) {
    for (const bool own_last : {true, false}) {
      for (const bool is_signed : {true, false}) {
        // Sums of the last scale pass int32.
        for (const float own : {0.61f, 3.0f, 3e7f}) {
          Problem problem(29, {outputs, 2, 12});
          problem.r.addition = {.added = problem.added.data(),
                                .row_stride = outputs,
                                .added_is_signed = is_signed,
                                .own = own,
                                .other = 0.37f,
                                .fixed = -21.5f,
                                .own_last = own_last,
                                .low = is_signed ? -128.0f : 0.0f,
                                .high = is_signed ? 127.0f : 255.0f,
                                .is_signed = is_signed};
          problem.CheckAll();
        }
      }
    }
  }
}

TEST(RowProduct, QuantizesRealResultsByAStep) {
  for (const RowWeightsShape& shape :
       {RowWeightsShape{64, 1, 20}, {45, 2, 9}}) {
    for (const bool is_signed : {true, false}) {
      Problem problem(29, shape);
      std::vector<float> row(problem.bias.size(), 0.7f);
      row[5] = std::numeric_limits<float>::quiet_NaN();
      row[6] = 1e30f;
      Requantization& r = problem.r;
      r.is_real = true;
      r.step = 0.031f;
      r.is_signed = is_signed;
      r.zero = is_signed ? -13 : 13;
      r.low = static_cast<float>((is_signed ? -128 : 0) - r.zero);
      r.high = static_cast<float>((is_signed ? 127 : 255) - r.zero);
      r.added = row.data();
      problem.CheckAll();
    }
  }
}

TEST(RowProduct, SumsTheWeightsOfEachOutput) {
  const std::vector<int8_t> w = {1, 2, -3, 100, -128, 7};
  EXPECT_EQ(PackRowWeights({2, 1, 3}, w.data()).sums,
            (std::vector<int32_t>{0, -21}));
}

TEST(RowProduct, SumsWeightsOfAnyNumber) {
  constexpr RowWeightsShape kShape = {3, 1, 301};
  std::vector<int8_t> w(static_cast<size_t>(3 * kShape.depth), -128);
  for (size_t i = 301; i < 602; ++i) w[i] = static_cast<int8_t>(i * 37);
  std::fill(w.begin() + 602, w.end(), int8_t{127});
  const int32_t middle = std::accumulate(w.begin() + 301, w.begin() + 602, 0);
  ForEachTarget([&] {
    EXPECT_EQ(PackRowWeights(kShape, w.data()).sums,
              (std::vector<int32_t>{-128 * 301, middle, 127 * 301}));
  });
}

}  // namespace
}  // namespace squint
