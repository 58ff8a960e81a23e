#include "squint/kernels/conv/conv.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/conv/conv_ref.h"
#include "squint/kernels/conv/winograd.h"
#include "squint/kernels/depthwise/depthwise.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/gemm/gemm_ref.h"

namespace squint {
namespace {

std::vector<float> Random(int64_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = uniform(engine);
  return values;
}

// Output size from equal pads on both sides.
ConvShape Shape(int64_t channels, int64_t filters, int64_t groups, int64_t h,
                int64_t w, int64_t kernel, int64_t stride, int64_t pad,
                int64_t dilation = 1) {
  ConvShape s;
  s.channels = channels;
  s.filters = filters;
  s.groups = groups;
  const int64_t span = (kernel - 1) * dilation + 1;
  s.window = {h,
              w,
              (h + 2 * pad - span) / stride + 1,
              (w + 2 * pad - span) / stride + 1,
              kernel,
              kernel,
              stride,
              stride,
              dilation,
              dilation,
              pad,
              pad};
  return s;
}

struct Data {
  explicit Data(const ConvShape& s)
      : x(Random(s.batch * s.channels * s.window.in_pixels(), 1)),
        w(Random(s.filters * s.depth(), 2)),
        bias(Random(s.filters, 3)),
        y(static_cast<size_t>(s.batch * s.filters * s.window.out_pixels()),
          7e7f) {}
  // To what bfloat16 holds.
  void Round() {
    for (float& v : x) v = RoundedToBf16(v);
    for (float& v : w) v = RoundedToBf16(v);
  }
  std::vector<float> x, w, bias, y;
};

constexpr float kLow = -1.5f;
constexpr float kHigh = 2.0f;

void ExpectTruth(const ConvShape& s, const Data& data) {
  const PlaneWindow& v = s.window;
  size_t i = 0;
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t f = 0; f < s.filters; ++f) {
      for (int64_t p = 0; p < v.out_pixels(); ++p, ++i) {
        const ConvSum sum = ConvPixel(
            s, data.x.data() + b * s.channels * v.in_pixels(),
            data.w.data() + f * s.depth(), f, p / v.out_w, p % v.out_w);
        const double bias =
            static_cast<double>(data.bias[static_cast<size_t>(f)]);
        ASSERT_NEAR(static_cast<double>(data.y[i]),
                    ClampReference(sum.value + bias, kLow, kHigh),
                    1e-5 * (sum.magnitude + std::fabs(bias)))
            << "image " << b << " filter " << f << " pixel " << p << " kernel "
            << v.kernel_h << " stride " << v.stride_h << " width " << v.in_w;
      }
    }
  }
}

template <class Plan>
std::vector<float> RunPlanned(
    PackedMatrix (*pack)(const ConvShape&, const float*),
    void (*run)(const PlannedConv<Plan>&, ThreadPool&), const ConvShape& s,
    int threads, bool rounded = false) {
  Data data(s);
  if (rounded) data.Round();
  ThreadPool pool(threads);
  const Plan plan(s);
  const PackedMatrix weights = pack(s, data.w.data());
  std::vector<float> scratch(plan.scratch_bytes / sizeof(float));
  run({plan, weights, data.bias.data(), kLow, kHigh, data.x.data(),
       data.y.data(), scratch.data()},
      pool);
  ExpectTruth(s, data);
  return data.y;
}

std::vector<float> RunConv(const ConvShape& s, int threads = 1) {
  return RunPlanned(PackConvWeights, Conv, s, threads);
}

std::vector<float> RunBf16(const ConvShape& s, int threads = 1) {
  return RunPlanned(PackConvBf16, Conv, s, threads, true);
}

std::vector<float> RunWinograd(const ConvShape& s, int threads = 1) {
  return RunPlanned(PackWinogradWeights, WinogradConv, s, threads);
}

std::vector<float> RunDepthwise(const ConvShape& s, int threads = 1) {
  Data data(s);
  ThreadPool pool(threads);
  EXPECT_TRUE(DepthwiseFits(s));
  Depthwise({s, data.w.data(), data.bias.data(), kLow, kHigh, data.x.data(),
             data.y.data()},
            pool);
  ExpectTruth(s, data);
  return data.y;
}

TEST(Conv, EqualsTheTruthForKernelsStridesPadsAndWidths) {
  ForEachTarget([] {
    for (const int64_t width : {1, 6, 7, 15, 16, 17, 50}) {
      for (const int64_t kernel : {1, 2, 3, 5}) {
        for (const int64_t stride : {1, 2, 3}) {
          for (const int64_t pad : {0, 1, 2}) {
            if (width + 2 * pad < kernel) continue;
            RunConv(Shape(3, 5, 1, 7, std::max(width, kernel), kernel, stride,
                          pad));
          }
        }
      }
    }
  });
}

TEST(Bf16Conv, EqualsTheTruthOfRoundedFactors) {
  ForEachTarget([] {
    for (const int64_t width : {1, 7, 17, 50}) {
      for (const int64_t kernel : {1, 3, 5}) {
        for (const int64_t stride : {1, 2}) {
          for (const int64_t channels : {3, 4}) {
            RunBf16(Shape(channels, 9, 1, 7, std::max(width, kernel), kernel,
                          stride, kernel / 2));
          }
        }
      }
    }
    RunBf16(Shape(6, 4, 2, 9, 11, 3, 1, 2, 2));
    RunBf16(Shape(150, 40, 1, 6, 7, 3, 1, 1), 2);  // two blocks of K
  });
}

TEST(Conv, EqualsTheTruthForDilationGroupsAndBatch) {
  ForEachTarget([] {
    for (const int64_t groups : {1, 2, 3}) {
      for (const int64_t kernel : {1, 3}) {
        ConvShape s = Shape(6, 12, groups, 9, 10, kernel, 1, kernel - 1, 2);
        s.batch = 3;
        RunConv(s);
      }
    }
  });
}

TEST(Conv, TakesUnequalAndNegativePads) {
  ForEachTarget([] {
    for (const int64_t top : {-1, 0, 2}) {
      for (const int64_t left : {-2, 0, 1}) {
        ConvShape s = Shape(2, 3, 1, 9, 11, 3, 2, 0);
        s.window.pad_top = top;
        s.window.pad_left = left;
        s.window.out_h = (9 + top - 3) / 2 + 1;
        s.window.out_w = (11 + left + 1 - 3) / 2 + 1;
        RunConv(s);
      }
    }
  });
}

TEST(Conv, TakesUnequalKernelsAndStrides) {
  ForEachTarget([] {
    ConvShape s;
    s.channels = 2;
    s.filters = 9;
    s.window = {.in_h = 1,
                .in_w = 60,
                .out_h = 1,
                .out_w = 20,
                .kernel_h = 1,
                .kernel_w = 7,
                .stride_h = 2,
                .stride_w = 3,
                .dilation_h = 5,
                .dilation_w = 1,
                .pad_top = 0,
                .pad_left = 3};
    RunConv(s);
  });
}

TEST(Conv, GivesTheSameBitsForEveryThreadCount) {
  ForEachTarget([] {
    const ConvShape s = Shape(40, 33, 1, 14, 14, 3, 1, 1);
    const auto one = RunConv(s, 1);
    EXPECT_EQ(RunConv(s, 2), one);
    EXPECT_EQ(RunConv(s, 5), one);
  });
}

TEST(Depthwise, EqualsTheTruthForKernelsStridesAndWidths) {
  ForEachTarget([] {
    for (const int64_t width : {1, 3, 7, 8, 9, 14, 15, 16, 17, 33}) {
      for (const int64_t kernel : {1, 2, 3, 5, 7}) {
        for (const int64_t stride : {1, 2, 3}) {
          for (const int64_t dilation : {1, 2}) {
            RunDepthwise(Shape(2, 2, 2, 8, width, kernel, stride,
                               (kernel - 1) * dilation / 2, dilation));
          }
        }
      }
    }
  });
}

// As many channels as fill vectors of every width, and three more.
TEST(Depthwise, EqualsTheTruthForManyChannels) {
  ForEachTarget([] {
    for (const int64_t width : {4, 7, 8, 13, 28, 45}) {
      for (const int64_t kernel : {3, 5}) {
        for (const int64_t stride : {1, 2}) {
          for (const int64_t pad : {0, 1, 2, 6}) {
            if (width + 2 * pad < kernel) continue;
            for (const int64_t height : {5, 18}) {
              ConvShape s =
                  Shape(19, 19, 19, height, width, kernel, stride, pad);
              s.batch = 2;
              EXPECT_EQ(RunDepthwise(s, 5), RunDepthwise(s, 1));
            }
          }
        }
      }
    }
    RunDepthwise(Shape(16, 16, 16, 3, 250, 5, 2, 2));
  });
}

TEST(Depthwise, TakesSeveralFiltersPerChannelAndABatch) {
  ForEachTarget([] {
    ConvShape s = Shape(3, 6, 3, 6, 9, 3, 1, 1);
    s.batch = 2;
    RunDepthwise(s);
  });
}

TEST(Depthwise, CutsLargePlanesIntoBands) {
  ForEachTarget([] {
    RunDepthwise(Shape(1, 1, 1, 131, 250, 3, 1, 1));
    RunDepthwise(Shape(1, 1, 1, 131, 250, 5, 2, 2));
  });
}

TEST(Depthwise, RefusesRowsThatDoNotFitAndManyFilters) {
  EXPECT_FALSE(DepthwiseFits(Shape(1, 1, 1, 5, 9000, 3, 1, 1)));
  EXPECT_FALSE(DepthwiseFits(Shape(4, 4, 2, 5, 9, 3, 1, 1)));
  EXPECT_FALSE(DepthwiseFits(Shape(1, 8, 1, 5, 9, 3, 1, 1)));
}

TEST(Depthwise, GivesTheSameBitsForEveryThreadCount) {
  ForEachTarget([] {
    const ConvShape s = Shape(20, 20, 20, 14, 14, 3, 1, 1);
    EXPECT_EQ(RunDepthwise(s, 3), RunDepthwise(s, 1));
  });
}

TEST(Winograd, EqualsTheTruthForPadsAndSizes) {
  ForEachTarget([] {
    for (const int64_t width : {3, 4, 7, 16, 17, 37}) {
      for (const int64_t pad : {0, 1, 2}) {
        RunWinograd(Shape(5, 6, 1, 9, width, 3, 1, pad));
      }
    }
  });
}

TEST(Winograd, EqualsTheTruthForChannelsBlocksAndBatch) {
  ForEachTarget([] {
    RunWinograd(Shape(33, 70, 1, 12, 11, 3, 1, 1));
    RunWinograd(Shape(600, 3, 1, 14, 15, 3, 1, 1));
    ConvShape s = Shape(4, 9, 1, 50, 60, 3, 1, 1);  // several blocks of tiles
    s.batch = 2;
    RunWinograd(s);
  });
}

TEST(Winograd, IsTheSameForEveryThreadCountAndBatch) {
  ConvShape s = Shape(16, 24, 1, 33, 40, 3, 1, 1);
  const std::vector<float> one = RunWinograd(s);
  for (const int threads : {2, 3, 8}) EXPECT_EQ(RunWinograd(s, threads), one);
  s.batch = 2;  // the same first image
  const std::vector<float> two = RunWinograd(s, 2);
  EXPECT_TRUE(std::equal(one.begin(), one.end(), two.begin()));
}

TEST(Winograd, IsForWindowsOfThreeWithManyTiles) {
  EXPECT_TRUE(WinogradPays(Shape(64, 64, 1, 14, 14, 3, 1, 1)));
  EXPECT_FALSE(WinogradPays(Shape(64, 64, 1, 4, 4, 3, 1, 1)));
  EXPECT_FALSE(WinogradPays(Shape(3, 64, 1, 56, 56, 3, 1, 1)));
  EXPECT_FALSE(WinogradPays(Shape(64, 64, 2, 56, 56, 3, 1, 1)));
  EXPECT_FALSE(WinogradPays(Shape(64, 64, 1, 56, 56, 3, 2, 1)));
  EXPECT_FALSE(WinogradPays(Shape(64, 64, 1, 56, 56, 5, 1, 2)));
}

}  // namespace
}  // namespace squint
