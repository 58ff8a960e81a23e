#include "squint/kernels/qelementwise/qelementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

namespace squint {
namespace {

std::vector<uint8_t> Bytes(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(engine() >> 9);
  return bytes;
}

int Number(uint8_t byte, const ByteGrid& grid) {
  return grid.is_signed ? static_cast<int8_t>(byte) : byte;
}

uint8_t Saturated(float q, const ByteGrid& grid) {
  const float low = static_cast<float>(grid.lowest());
  const float high = static_cast<float>(grid.highest());
  return static_cast<uint8_t>(static_cast<int>(std::clamp(q, low, high)));
}

constexpr ByteGrid kUnsigned{0.031f, 121, false};
constexpr ByteGrid kSigned{0.017f, -5, true};
constexpr ByteGrid kResult{0.043f, 100, false};

TEST(ByteReals, QuantizesAsOnnxSays) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> reals = {
      0, kNaN, 1e9f, -1e9f, 0.031f * 2.5f, 0.031f * 3.5f, -0.001f};
  for (int i = 0; i < 50; ++i) reals.push_back(0.013f * static_cast<float>(i));
  for (const ByteGrid& grid : {kUnsigned, kSigned}) {
    std::vector<uint8_t> expected;
    for (const float real : reals) {
      const float steps =
          std::isnan(real) ? 0.0f : std::nearbyintf(real / grid.scale);
      expected.push_back(
          Saturated(steps + static_cast<float>(grid.zero), grid));
    }
    ForEachTarget([&] {
      ThreadPool pool(1);
      std::vector<uint8_t> bytes(reals.size());
      QuantizeToBytes(reals.data(), static_cast<int64_t>(reals.size()), grid,
                      bytes.data(), pool);
      EXPECT_EQ(bytes, expected);
      std::vector<float> back(bytes.size());
      DequantizeBytes(bytes.data(), static_cast<int64_t>(bytes.size()), grid,
                      back.data(), pool);
      for (size_t i = 0; i < back.size(); ++i) {
        EXPECT_EQ(back[i],
                  static_cast<float>(Number(bytes[i], grid) - grid.zero) *
                      grid.scale);
      }
    });
  }
}

// Sums and products of a [rows, columns] and b [rows or 1, columns or 1].
void ExpectFormulas(int64_t rows, int64_t columns, int64_t b_rows,
                    int64_t b_columns, const ByteGrid& b_grid) {
  const auto a = Bytes(static_cast<size_t>(rows * columns), 1);
  const auto b = Bytes(static_cast<size_t>(b_rows * b_columns), 2);
  const int64_t out[] = {rows, columns};
  const int64_t other[] = {b_rows, b_columns};
  const BroadcastPlan plan(out, out, other);
  std::vector<uint8_t> sums, products;
  const auto real = [](int32_t zero) { return static_cast<float>(zero); };
  const float ra = kUnsigned.scale / kResult.scale;
  const float rb = b_grid.scale / kResult.scale;
  const float fixed =
      real(kResult.zero) - (ra * real(kUnsigned.zero) + rb * real(b_grid.zero));
  const float ratio = kUnsigned.scale * b_grid.scale / kResult.scale;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      const int qa = a[static_cast<size_t>(i * columns + j)];
      const int qb =
          Number(b[static_cast<size_t>((b_rows == 1 ? 0 : i) * b_columns +
                                       (b_columns == 1 ? 0 : j))],
                 b_grid);
      const float sum = std::fma(ra, real(qa), std::fma(rb, real(qb), fixed));
      sums.push_back(Saturated(std::nearbyintf(sum), kResult));
      const float product =
          real(qa - kUnsigned.zero) * real(qb - b_grid.zero) * ratio;
      products.push_back(
          Saturated(std::nearbyintf(product) + real(kResult.zero), kResult));
    }
  }
  ForEachTarget([&] {
    for (const int threads : {1, 2}) {
      ThreadPool pool(threads);
      std::vector<uint8_t> y(a.size());
      AddBytes(plan, a.data(), kUnsigned, b.data(), b_grid, y.data(), kResult,
               pool);
      EXPECT_EQ(y, sums);
      MultiplyBytes(plan, a.data(), kUnsigned, b.data(), b_grid, y.data(),
                    kResult, pool);
      EXPECT_EQ(y, products);
    }
  });
}

TEST(ByteSums, FollowTheFormulaBitForBit) {
  ExpectFormulas(1, 40000, 1, 40000, kUnsigned);
  ExpectFormulas(7, 33, 7, 33, kSigned);
  ExpectFormulas(7, 33, 7, 1, kUnsigned);
  ExpectFormulas(7, 33, 1, 33, kSigned);
  ExpectFormulas(5, 3, 1, 1, kSigned);
  ExpectFormulas(5000, 8, 1, 8, kUnsigned);
  ExpectFormulas(301, 24, 1, 24, kSigned);
}

// The same channels beside all pixels of an image, other ones of the next.
TEST(ByteProducts, ARowIsRepeatedForManyOfTheOther) {
  constexpr int64_t kImages = 3, kPixels = 500, kChannels = 10;
  const auto whole = Bytes(kImages * kPixels * kChannels, 5);
  const auto rows = Bytes(kImages * kChannels, 6);
  const int64_t out[] = {kImages, kPixels, kChannels};
  const int64_t one[] = {kImages, 1, kChannels};
  const auto repeated = [&] {
    std::vector<uint8_t> all;
    for (int64_t i = 0; i < kImages * kPixels; ++i) {
      const auto row = rows.begin() + i / kPixels * kChannels;
      all.insert(all.end(), row, row + kChannels);
    }
    return all;
  }();
  ForEachTarget([&] {
    ThreadPool pool(2);
    std::vector<uint8_t> y(whole.size()), truth(whole.size());
    MultiplyBytes(BroadcastPlan(out, one, out), rows.data(), kSigned,
                  whole.data(), kUnsigned, y.data(), kResult, pool);
    MultiplyBytes(BroadcastPlan(out, out, out), repeated.data(), kSigned,
                  whole.data(), kUnsigned, truth.data(), kResult, pool);
    EXPECT_EQ(y, truth);
  });
}

// One number before a row of others joins first.
TEST(ByteSums, ANumberAloneJoinsFirst) {
  const auto b = Bytes(300, 4);
  const uint8_t a = 201;
  const int64_t out[] = {300};
  const int64_t one[] = {1};
  const BroadcastPlan plan(out, one, out);
  const auto real = [](int32_t zero) { return static_cast<float>(zero); };
  const float ra = kUnsigned.scale / kResult.scale;
  const float rb = kSigned.scale / kResult.scale;
  const float fixed = real(kResult.zero) -
                      (ra * real(kUnsigned.zero) + rb * real(kSigned.zero));
  std::vector<uint8_t> expected;
  for (const uint8_t byte : b) {
    const float sum =
        std::fma(rb, real(Number(byte, kSigned)), std::fma(ra, real(a), fixed));
    expected.push_back(Saturated(std::nearbyintf(sum), kResult));
  }
  ForEachTarget([&] {
    ThreadPool pool(1);
    std::vector<uint8_t> y(b.size());
    AddBytes(plan, &a, kUnsigned, b.data(), kSigned, y.data(), kResult, pool);
    EXPECT_EQ(y, expected);
  });
}

TEST(RangeOfReals, HasZeroAndPassesNaNOver) {
  ForEachTarget([] {
    for (const int threads : {1, 2}) {
      ThreadPool pool(threads);
      for (const int64_t count : {0, 1, 7, 33, 5000, 3000000}) {
        std::vector<float> x(static_cast<size_t>(count), 0.25f);
        if (count > 2) x[static_cast<size_t>(count) / 2] = -3.5f;
        if (count > 2) x[static_cast<size_t>(count) - 1] = NAN;
        if (count > 2) x[0] = NAN;
        if (count > 7) x[static_cast<size_t>(count) - 2] = 8.0f;
        const RealRange range = RangeOfReals(x.data(), count, pool);
        EXPECT_EQ(range.low, count > 2 ? -3.5f : 0.0f) << count;
        EXPECT_EQ(range.high, count > 7   ? 8.0f
                              : count > 0 ? 0.25f
                                          : 0.0f)
            << count;
      }
    }
  });
}

TEST(LookUp, TakesBytesAsPlacesInTheTable) {
  uint8_t table[256];
  for (int i = 0; i < 256; ++i) table[i] = static_cast<uint8_t>(255 - i);
  auto bytes = Bytes(50000, 3);
  std::vector<uint8_t> expected;
  for (const uint8_t byte : bytes) expected.push_back(table[byte]);
  ThreadPool pool(2);
  LookUp(table, bytes.data(), 50000, bytes.data(), pool);
  EXPECT_EQ(bytes, expected);
}

}  // namespace
}  // namespace squint
