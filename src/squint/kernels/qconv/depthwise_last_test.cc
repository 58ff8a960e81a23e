#include "squint/kernels/qconv/depthwise_last.h"

#include <gtest/gtest.h>

#include <random>

#include "squint/base/threads.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/qgemm/requantize_ref.h"

namespace squint {
namespace {

struct Problem {
  Problem(int64_t channels, PlaneWindow window, int64_t batch = 1) {
    shape.window = window;
    shape.batch = batch;
    shape.channels = shape.filters = shape.groups = channels;
    std::mt19937 engine(7);
    x.resize(static_cast<size_t>(batch * window.in_pixels() * channels));
    for (uint8_t& b : x) b = static_cast<uint8_t>(engine() >> 9);
    w.resize(static_cast<size_t>(channels * window.taps()));
    for (int8_t& b : w) b = static_cast<int8_t>(engine() >> 9);
    for (int64_t c = 0; c < channels; ++c) {
      bias.push_back(static_cast<int32_t>(engine() % 2001) - 1000);
      multiplier.push_back(1e-3f * static_cast<float>(engine() % 90 + 1));
    }
  }

  int32_t Sum(int64_t image, int64_t y, int64_t column, int64_t c) const {
    const PlaneWindow& v = shape.window;
    int32_t sum = 0;
    for (int64_t ky = 0; ky < v.kernel_h; ++ky) {
      for (int64_t kx = 0; kx < v.kernel_w; ++kx) {
        const int64_t i = y * v.stride_h - v.pad_top + ky * v.dilation_h;
        const int64_t j = column * v.stride_w - v.pad_left + kx * v.dilation_w;
        const bool inside = i >= 0 && i < v.in_h && j >= 0 && j < v.in_w;
        const int64_t at =
            ((image * v.in_h + i) * v.in_w + j) * shape.channels + c;
        sum += (inside ? x[static_cast<size_t>(at)] : border) *
               w[static_cast<size_t>(c * v.taps() + ky * v.kernel_w + kx)];
      }
    }
    return sum;
  }

  void Check(int threads, bool quads) const {
    const DepthwiseFilters filters =
        (quads ? PackDepthwiseQuads : PackDepthwise)(
            shape, w.data(), bias.data(), multiplier.data());
    ThreadPool pool(threads);
    std::vector<uint8_t> out(static_cast<size_t>(
        shape.batch * shape.window.out_pixels() * shape.channels));
    (quads ? DepthwiseLastOfQuads : DepthwiseLast)(
        {shape, filters, x.data(), border, 17, out.data()}, pool);
    const Requantization r = {.bias = bias.data(),
                              .bias_column = 1,
                              .multiplier = multiplier.data(),
                              .multiplier_column = 1,
                              .low = -17,
                              .high = 238,
                              .zero = 17};
    const PlaneWindow& v = shape.window;
    for (size_t i = 0; i < out.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      const int64_t c = at % shape.channels;
      const int64_t pixel = at / shape.channels;
      const int64_t image = pixel / v.out_pixels();
      const int64_t in_image = pixel % v.out_pixels();
      ASSERT_EQ(out[i], RequantizeRef(Sum(image, in_image / v.out_w,
                                          in_image % v.out_w, c),
                                      0, c, r))
          << "element " << i << (quads ? ", quads" : "");
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

  ConvShape shape;
  std::vector<uint8_t> x;
  std::vector<int8_t> w;
  uint8_t border = 91;
  std::vector<int32_t> bias;
  std::vector<float> multiplier;
};

PlaneWindow Square(int64_t size, int64_t kernel, int64_t stride, int64_t pad,
                   int64_t dilation = 1) {
  const int64_t out =
      (size + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  return {.in_h = size,
          .in_w = size,
          .out_h = out,
          .out_w = out,
          .kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .dilation_h = dilation,
          .dilation_w = dilation,
          .pad_top = pad,
          .pad_left = pad};
}

TEST(DepthwiseLast, EqualsTheFormulaForAnyNumberOfChannels) {
  for (const int64_t channels : {1, 3, 16, 32, 40, 64, 65, 100, 144}) {
    SCOPED_TRACE(channels);
    Problem(channels, Square(6, 3, 1, 1)).CheckAll();
    Problem(channels, Square(7, 3, 1, 1)).CheckAll();
  }
}

TEST(DepthwiseLast, EqualsTheFormulaForEveryKindOfWindow) {
  for (const PlaneWindow& window :
       {Square(9, 3, 2, 1), Square(9, 5, 1, 2), Square(9, 3, 1, 2, 2),
        Square(7, 7, 1, 0), Square(5, 1, 1, 0), Square(4, 2, 3, 1),
        Square(150, 3, 1, 1), Square(40, 5, 2, 2), Square(8, 3, 1, 4, 4)}) {
    Problem(35, window, 2).CheckAll();
  }
}

TEST(DepthwiseLast, ClampsWhateverTheSums) {
  Problem problem(48, Square(6, 3, 1, 1));
  for (size_t c = 0; c < 48; ++c) {
    problem.bias[c] = c % 2 == 0 ? 2'000'000'000 : -2'000'000'000;
    problem.multiplier[c] = 0.9f;
  }
  problem.CheckAll();  // within int32
  problem.multiplier[5] = 3.0f;
  problem.CheckAll();
}

TEST(DepthwiseLast, KnowsWhichWindowsAreTooLarge) {
  EXPECT_TRUE(FitsDepthwiseLast(Square(112, 11, 1, 5)));
  EXPECT_FALSE(FitsDepthwiseLast(Square(700, 3, 1, 0, 300)));
  EXPECT_FALSE(FitsDepthwiseLast(Square(100, 60, 1, 0)));
}

}  // namespace
}  // namespace squint
