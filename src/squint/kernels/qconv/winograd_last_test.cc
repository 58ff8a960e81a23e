#include "squint/kernels/qconv/winograd_last.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "squint/base/threads.h"
#include "squint/kernels/aligned.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/qgemm/requantize_ref.h"

namespace squint {
namespace {

struct Problem {
  Problem(int64_t channels, int64_t filters, int64_t h, int64_t w, int64_t pad,
          int64_t batch = 1) {
    shape.batch = batch;
    shape.channels = channels;
    shape.filters = filters;
    shape.window = {.in_h = h,
                    .in_w = w,
                    .out_h = h + 2 * pad - 2,
                    .out_w = w + 2 * pad - 2,
                    .kernel_h = 3,
                    .kernel_w = 3,
                    .pad_top = pad,
                    .pad_left = pad};
    std::mt19937 engine(5);
    x.resize(static_cast<size_t>(batch * h * w * channels));
    for (uint8_t& b : x) b = static_cast<uint8_t>(engine() >> 9);
    weights.resize(static_cast<size_t>(filters * shape.depth()));
    for (int8_t& b : weights) b = static_cast<int8_t>(engine() >> 9);
    border.assign(static_cast<size_t>(channels), 91);
    for (int64_t j = 0; j < filters; ++j) {
      bias.push_back(static_cast<int32_t>(engine() % 200001) - 100000);
      multiplier.push_back(1e-5f * static_cast<float>(engine() % 90 + 1));
    }
    added.resize(static_cast<size_t>(pixels() * filters));
    for (uint8_t& b : added) b = static_cast<uint8_t>(engine() >> 9);
    r = {.bias = bias.data(),
         .bias_column = 1,
         .multiplier = multiplier.data(),
         .multiplier_column = 1,
         .low = -13,
         .high = 242,
         .zero = 13};
  }
  int64_t pixels() const { return shape.batch * shape.window.out_pixels(); }

  int32_t Sum(int64_t pixel, int64_t filter) const {
    const PlaneWindow& w = shape.window;
    const int64_t image = pixel / w.out_pixels();
    int32_t sum = 0;
    for (int64_t i = 0; i < shape.depth(); ++i) {
      const int64_t c = i / 9;
      const int64_t y = pixel / w.out_w % w.out_h + i % 9 / 3 - w.pad_top;
      const int64_t z = pixel % w.out_w + i % 3 - w.pad_left;
      const bool inside = y >= 0 && y < w.in_h && z >= 0 && z < w.in_w;
      const int64_t at =
          ((image * w.in_h + y) * w.in_w + z) * shape.channels + c;
      const uint8_t byte = inside ? x[static_cast<size_t>(at)] : border[0];
      const int value = is_signed ? static_cast<int8_t>(byte) + 128 : byte;
      sum += value * weights[static_cast<size_t>(filter * shape.depth() + i)];
    }
    return sum;
  }

  uint8_t Expected(int64_t pixel, int64_t filter) const {
    const uint8_t q = RequantizeRef(Sum(pixel, filter), 0, filter, r);
    const ByteAddition& a = r.addition;
    if (a.added == nullptr) return q;
    const auto other = static_cast<float>(
        added[static_cast<size_t>(pixel * shape.filters + filter)]);
    const float v = std::fma(a.own, static_cast<float>(q),
                             std::fma(a.other, other, a.fixed));
    return static_cast<uint8_t>(std::nearbyintf(std::clamp(v, a.low, a.high)));
  }

  void Check() const {
    // Pixels of wider images, whose other bytes stay.
    const int64_t in_stride = shape.channels + 3;
    const int64_t out_stride = shape.filters + 2;
    std::vector<uint8_t> expected;
    for (int64_t i = 0; i < pixels() * out_stride; ++i) {
      const int64_t filter = i % out_stride;
      expected.push_back(
          filter < shape.filters ? Expected(i / out_stride, filter) : 7);
    }
    std::vector<uint8_t> wide(x.size() / static_cast<size_t>(shape.channels) *
                              static_cast<size_t>(in_stride));
    for (size_t i = 0; i < x.size(); ++i) {
      const auto channels = static_cast<size_t>(shape.channels);
      wide[i / channels * static_cast<size_t>(in_stride) + i % channels] = x[i];
    }
    ForEachTarget([&] {
      if (!ByteWinogradPays(shape)) return;
      const ByteWinogradWeights packed =
          PackByteWinograd(shape, weights.data());
      for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        std::vector<uint8_t> y(expected.size(), 7);
        const auto scratch = AllocateAligned<std::byte>(
            static_cast<int64_t>(ByteWinogradScratch(shape, threads)));
        ByteWinogradConv({.shape = shape,
                          .weights = packed,
                          .input = wide.data(),
                          .input_stride = in_stride,
                          .input_is_signed = is_signed,
                          .border = border.data(),
                          .requantization = r,
                          .output = y.data(),
                          .output_stride = out_stride,
                          .scratch = scratch.get()},
                         pool);
        ASSERT_EQ(y, expected) << threads << " threads";
      }
    });
  }

  ConvShape shape;
  std::vector<uint8_t> x;
  bool is_signed = false;
  std::vector<int8_t> weights;
  std::vector<uint8_t> border;
  std::vector<int32_t> bias;
  std::vector<float> multiplier;
  std::vector<uint8_t> added;
  Requantization r;
};

TEST(ByteWinograd, EqualsTheDirectSums) {
  for (const int64_t channels : {32, 35, 64}) {
    for (const int64_t pad : {0, 1}) {
      Problem(channels, 32, 13, 12, pad, 2).Check();
    }
  }
}

TEST(ByteWinograd, HoldsTheLargestSums) {
  Problem problem(1800, 32, 8, 8, 1);
  std::fill(problem.x.begin(), problem.x.end(), uint8_t{255});
  std::fill(problem.border.begin(), problem.border.end(), uint8_t{255});
  for (const int weight : {-128, 127}) {
    std::fill(problem.weights.begin(), problem.weights.end(),
              static_cast<int8_t>(weight));
    problem.Check();
  }
}

TEST(ByteWinograd, TakesSignedPixelsAndAddsATensor) {
  Problem problem(32, 64, 10, 15, 1);
  problem.is_signed = true;
  problem.Check();
  problem.r.addition = {.added = problem.added.data(),
                        .row_stride = 64,
                        .own = 0.61f,
                        .other = 0.37f,
                        .fixed = -21.5f};
  problem.Check();
}

TEST(ByteWinograd, SumsTheWeightsOfEachFilter) {
  const Problem problem(32, 32, 8, 8, 1);
  int32_t sum = 0;
  for (int64_t i = 0; i < problem.shape.depth(); ++i) {
    sum += problem.weights[static_cast<size_t>(problem.shape.depth() + i)];
  }
  EXPECT_EQ(PackByteWinograd(problem.shape, problem.weights.data()).sums[1],
            sum);
}

TEST(ByteWinograd, IsForWindowsOfThreeWithManyTiles) {
  ForEachTarget([] {
    EXPECT_FALSE(ByteWinogradPays(Problem(8, 32, 13, 12, 1).shape));
    EXPECT_FALSE(ByteWinogradPays(Problem(32, 33, 13, 12, 1).shape));
    EXPECT_FALSE(ByteWinogradPays(Problem(32, 32, 6, 6, 1).shape));
    EXPECT_FALSE(ByteWinogradPays(Problem(1900, 32, 8, 8, 1).shape));
    ConvShape strided = Problem(32, 32, 13, 12, 1).shape;
    strided.window.stride_w = 2;
    EXPECT_FALSE(ByteWinogradPays(strided));
  });
}

}  // namespace
}  // namespace squint
