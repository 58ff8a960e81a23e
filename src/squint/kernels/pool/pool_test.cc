#include "squint/kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"

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

}  // namespace
}  // namespace squint
