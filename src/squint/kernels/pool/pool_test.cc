#include "squint/kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/pool/byte_pool.h"

namespace squint {
namespace {

PlaneWindow Square(int64_t h, int64_t w, int64_t kernel, int64_t stride,
                   int64_t pad) {
  return {.in_h = h,
          .in_w = w,
          .out_h = (h + 2 * pad - kernel) / stride + 1,
          .out_w = (w + 2 * pad - kernel) / stride + 1,
          .kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .dilation_h = 1,
          .dilation_w = 1,
          .pad_top = pad,
          .pad_left = pad};
}

struct Truth {
  float largest = -std::numeric_limits<float>::infinity();
  double sum = 0;
};

Truth PixelOf(const PlaneWindow& w, const float* plane, int64_t oy,
              int64_t ox) {
  Truth truth;
  for (int64_t t = 0; t < w.taps(); ++t) {
    const int64_t y = oy * w.stride_h + t / w.kernel_w - w.pad_top;
    const int64_t x = ox * w.stride_w + t % w.kernel_w - w.pad_left;
    if (y < 0 || y >= w.in_h || x < 0 || x >= w.in_w) continue;
    truth.largest = std::max(truth.largest, plane[y * w.in_w + x]);
    truth.sum += static_cast<double>(plane[y * w.in_w + x]);
  }
  return truth;
}

void Check(const PlaneWindow& w) {
  constexpr int64_t kPlanes = 3;
  ThreadPool pool(1);
  std::mt19937 engine(1);
  std::uniform_real_distribution<float> uniform(-2.0f, -1.0f);
  std::vector<float> x(static_cast<size_t>(kPlanes * w.in_pixels()));
  for (float& v : x) v = uniform(engine);
  std::vector<float> largest(static_cast<size_t>(kPlanes * w.out_pixels()));
  std::vector<float> average(largest.size());
  std::vector<float> rows, columns;
  for (int64_t i = 0; i < w.out_h; ++i) {
    rows.push_back(static_cast<float>(i % 3 + 1));
  }
  for (int64_t i = 0; i < w.out_w + kStagingSlack; ++i) {
    columns.push_back(static_cast<float>(i % 2 + 1));
  }
  MaxPool(w, kPlanes, x.data(), largest.data(), pool);
  AveragePool(w, kPlanes, rows.data(), columns.data(), x.data(), average.data(),
              pool);
  for (size_t i = 0; i < largest.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const int64_t pixel = at % w.out_pixels();
    const Truth truth =
        PixelOf(w, x.data() + at / w.out_pixels() * w.in_pixels(),
                pixel / w.out_w, pixel % w.out_w);
    ASSERT_EQ(largest[i], truth.largest) << i;
    const double divisor =
        static_cast<double>(rows[static_cast<size_t>(pixel / w.out_w)] *
                            columns[static_cast<size_t>(pixel % w.out_w)]);
    ASSERT_NEAR(static_cast<double>(average[i]), truth.sum / divisor, 1e-4);
  }
}

TEST(Pool, EqualsTheTruthForKernelsStridesPadsAndWidths) {
  ForEachTarget([] {
    for (const int64_t width : {2, 7, 8, 9, 16, 17, 40}) {
      for (const int64_t kernel : {1, 2, 3}) {
        for (const int64_t stride : {1, 2, 3}) {
          for (const int64_t pad : {int64_t{0}, kernel / 2}) {
            if (width + 2 * pad < kernel) continue;
            Check(Square(9, width, kernel, stride, pad));
          }
        }
      }
    }
  });
}

TEST(Pool, CutsLargePlanesIntoBands) {
  ForEachTarget([] { Check(Square(150, 201, 3, 2, 1)); });
}

// The mean as its formula has it, one number after the other.
int MeanByteOf(const ByteMeans& m, const std::vector<uint8_t>& x,
               int64_t channels, int64_t image, int64_t oy, int64_t ox,
               int64_t c) {
  const PlaneWindow& w = m.window;
  int32_t sum = 0;
  for (int64_t t = 0; t < w.taps(); ++t) {
    const int64_t iy =
        oy * w.stride_h + t / w.kernel_w * w.dilation_h - w.pad_top;
    const int64_t ix =
        ox * w.stride_w + t % w.kernel_w * w.dilation_w - w.pad_left;
    if (iy < 0 || iy >= w.in_h || ix < 0 || ix >= w.in_w) continue;
    const uint8_t byte = x[static_cast<size_t>(
        ((image * w.in_h + iy) * w.in_w + ix) * channels + c)];
    sum += (m.x.is_signed ? static_cast<int8_t>(byte) : byte) - m.x.zero;
  }
  const float multiplier =
      m.x.scale / (m.y.scale * (m.rows[oy] * m.columns[ox]));
  const auto q =
      static_cast<int>(std::nearbyintf(static_cast<float>(sum) * multiplier));
  return std::clamp(q + m.y.zero, m.y.lowest(), m.y.highest());
}

void CheckBytes(const PlaneWindow& w, int64_t channels, bool x_signed,
                bool y_signed) {
  constexpr int64_t kImages = 2;
  ThreadPool pool(1);
  std::mt19937 engine(3);
  std::vector<uint8_t> x(
      static_cast<size_t>(kImages * w.in_pixels() * channels));
  for (uint8_t& v : x) v = static_cast<uint8_t>(engine());
  std::vector<uint8_t> y(
      static_cast<size_t>(kImages * w.out_pixels() * channels));
  std::vector<float> rows, columns;
  for (int64_t i = 0; i < w.out_h; ++i) {
    rows.push_back(static_cast<float>(i % 3 + 1));
  }
  for (int64_t i = 0; i < w.out_w; ++i) {
    columns.push_back(static_cast<float>(i / 4 + 1));
  }
  const ByteMeans means = {.window = w,
                           .rows = rows.data(),
                           .columns = columns.data(),
                           .x = {0.5f, x_signed ? -7 : 120, x_signed},
                           .y = {0.75f, y_signed ? 3 : 130, y_signed}};
  AveragePoolBytesLast(means, kImages, channels, x.data(), y.data(), pool);
  size_t at = 0;
  for (int64_t p = 0; p < kImages * w.out_pixels(); ++p) {
    for (int64_t c = 0; c < channels; ++c, ++at) {
      const int got = y_signed ? static_cast<int8_t>(y[at]) : y[at];
      ASSERT_EQ(got, MeanByteOf(means, x, channels, p / w.out_pixels(),
                                p % w.out_pixels() / w.out_w, p % w.out_w, c))
          << "pixel " << p << " channel " << c;
    }
  }
}

TEST(Pool, MeansOfBytesAreTheirFormulaForEveryWidthOfChannels) {
  ForEachTarget([] {
    for (const int64_t channels : {1, 3, 8, 17, 40}) {
      for (const int64_t kernel : {1, 3, 5}) {
        for (const int64_t stride : {1, 2}) {
          for (const int64_t pad : {int64_t{0}, kernel / 2}) {
            CheckBytes(Square(7, 9, kernel, stride, pad), channels,
                       channels % 2 == 0, stride == 2);
          }
        }
      }
    }
  });
}

TEST(Pool, MeansOfBytesKnowDilationAndWindowsThatEndOutside) {
  ForEachTarget([] {
    PlaneWindow dilated = Square(9, 9, 3, 1, 2);
    dilated.dilation_h = dilated.dilation_w = 2;
    dilated.out_h = dilated.out_w = 9;
    CheckBytes(dilated, 5, false, false);
    PlaneWindow beyond = Square(6, 6, 3, 2, 0);
    beyond.out_h = beyond.out_w = 3;  // ceil_mode
    CheckBytes(beyond, 4, true, false);
    CheckBytes(Square(3, 3, 2, 1, 0), 2, false, true);
    CheckBytes(Square(16, 16, 16, 1, 0), 33, false, false);  // 256 taps
  });
}

}  // namespace
}  // namespace squint
