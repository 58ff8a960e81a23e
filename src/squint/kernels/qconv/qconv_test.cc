#include "squint/kernels/qconv/qconv.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "squint/base/threads.h"
#include "squint/kernels/conv/conv_ref.h"
#include "squint/kernels/each_target_test.h"
#include "squint/kernels/qgemm/requantize_ref.h"

namespace squint {
namespace {

struct Sizes {
  int64_t channels, filters, groups, h, w, kernel;
  int64_t stride = 1;
  int64_t pad = 0;
  int64_t dilation = 1;
  int64_t batch = 1;
};

ConvShape Shape(const Sizes& s) {
  ConvShape shape;
  shape.batch = s.batch;
  shape.channels = s.channels;
  shape.filters = s.filters;
  shape.groups = s.groups;
  const int64_t span = (s.kernel - 1) * s.dilation + 1;
  shape.window = {.in_h = s.h,
                  .in_w = s.w,
                  .out_h = (s.h + 2 * s.pad - span) / s.stride + 1,
                  .out_w = (s.w + 2 * s.pad - span) / s.stride + 1,
                  .kernel_h = s.kernel,
                  .kernel_w = s.kernel,
                  .stride_h = s.stride,
                  .stride_w = s.stride,
                  .dilation_h = s.dilation,
                  .dilation_w = s.dilation,
                  .pad_top = s.pad,
                  .pad_left = s.pad};
  return shape;
}

class Problem {
 public:
  Problem(const Sizes& sizes, bool is_signed)
      : shape_(Shape(sizes)), plan_(shape_), is_signed_(is_signed) {
    std::mt19937 engine(7);
    const auto bytes = [&](int64_t count) {
      std::vector<uint8_t> all(static_cast<size_t>(count));
      for (uint8_t& b : all) b = static_cast<uint8_t>(engine() >> 11);
      return all;
    };
    x_ = bytes(shape_.batch * shape_.channels * shape_.window.in_pixels());
    w_ = bytes(shape_.filters * shape_.depth());
    for (int64_t f = 0; f < shape_.filters; ++f) {
      bias_.push_back(static_cast<int32_t>(engine() % 2001) - 1000);
      multiplier_.push_back(1e-4f * static_cast<float>(engine() % 90 + 1));
      zeros_.push_back(static_cast<int32_t>(engine() % 5) - 2);
    }
    r_ = {.bias = bias_.data(),
          .bias_row = 1,
          .multiplier = multiplier_.data(),
          .multiplier_row = 1,
          .low = static_cast<float>((is_signed ? -128 : 0) - zero_),
          .high = static_cast<float>((is_signed ? 127 : 255) - zero_),
          .zero = zero_,
          .is_signed = is_signed};
  }

  std::vector<uint8_t> Expected() const {
    const ConvShape& s = shape_;
    const std::vector<float> x =
        Centred(x_, is_signed_, [](size_t) { return zero_; });
    const std::vector<float> w = Centred(w_, true, [&](size_t i) {
      return zeros_[i / static_cast<size_t>(s.depth())];
    });
    std::vector<uint8_t> y;
    for (int64_t b = 0; b < s.batch; ++b) {
      for (int64_t f = 0; f < s.filters; ++f) {
        for (int64_t p = 0; p < s.window.out_pixels(); ++p) {
          const double sum =
              ConvPixel(s, x.data() + b * s.channels * s.window.in_pixels(),
                        w.data() + f * s.depth(), f, p / s.window.out_w,
                        p % s.window.out_w)
                  .value;
          y.push_back(RequantizeRef(static_cast<int32_t>(sum), f, 0, r_));
        }
      }
    }
    return y;
  }

  std::vector<uint8_t> Computed(int threads, bool depthwise) const {
    const ConvShape& s = shape_;
    ThreadPool pool(threads);
    std::vector<uint8_t> y(
        static_cast<size_t>(s.batch * s.filters * s.window.out_pixels()));
    std::vector<int16_t> scratch(QuantizedConvScratch(plan_) / sizeof(int16_t));
    const WideMatrix weights =
        WidenConvWeights(s, w_.data(), true, zeros_.data(), 1);
    const QuantizedConvArgs args{plan_,      weights, r_,       x_.data(),
                                 is_signed_, zero_,   y.data(), scratch.data()};
    if (depthwise) {
      EXPECT_TRUE(QuantizedDepthwiseFits(s));
      QuantizedDepthwise(args, pool);
    } else {
      QuantizedConv(args, pool);
    }
    return y;
  }

 private:
  template <typename Zero>
  static std::vector<float> Centred(const std::vector<uint8_t>& bytes,
                                    bool is_signed, Zero&& zero) {
    std::vector<float> reals;
    for (size_t i = 0; i < bytes.size(); ++i) {
      const int q = is_signed ? static_cast<int8_t>(bytes[i]) : bytes[i];
      reals.push_back(static_cast<float>(q - zero(i)));
    }
    return reals;
  }

  static constexpr int32_t zero_ = 13;
  ConvShape shape_;
  ConvPlan plan_;
  bool is_signed_;
  std::vector<uint8_t> x_, w_;
  std::vector<int32_t> bias_, zeros_;
  std::vector<float> multiplier_;
  Requantization r_;
};

void ExpectTruth(const std::vector<Sizes>& all, bool depthwise) {
  for (const Sizes& sizes : all) {
    SCOPED_TRACE(testing::Message()
                 << sizes.channels << " to " << sizes.filters << ", " << sizes.h
                 << " x " << sizes.w << ", kernel " << sizes.kernel
                 << ", stride " << sizes.stride << ", pad " << sizes.pad);
    for (const bool is_signed : {false, true}) {
      const Problem problem(sizes, is_signed);
      const std::vector<uint8_t> expected = problem.Expected();
      ForEachTarget([&] {
        EXPECT_EQ(problem.Computed(1, depthwise), expected);
        EXPECT_EQ(problem.Computed(2, depthwise), expected);
      });
    }
  }
}

TEST(QuantizedConv, EqualsTheFormulaForEveryKindOfWindow) {
  ExpectTruth(
      {
          {3, 5, 1, 7, 7, 1},
          {4, 16, 1, 5, 17, 1, 1, 0, 1, 3},
          {3, 8, 1, 12, 13, 3, 2, 1},
          {5, 7, 1, 9, 20, 3, 1, 1},
          {2, 6, 1, 11, 9, 5, 3, 2},
          {6, 4, 2, 8, 8, 3, 1, 2, 2, 2},
          {130, 9, 1, 4, 4, 3, 1, 1},
          {8, 8, 4, 6, 6, 1, 2},
      },
      false);
}

TEST(QuantizedDepthwise, EqualsTheFormulaForEveryKindOfWindow) {
  ExpectTruth(
      {
          {3, 3, 3, 7, 7, 3, 1, 1},
          {4, 4, 4, 14, 33, 3, 2, 1},
          {2, 4, 2, 9, 16, 5, 1, 2, 1, 2},
          {5, 5, 5, 12, 12, 3, 1, 2, 2},
          {2, 2, 2, 150, 150, 3, 1, 1},
          {3, 3, 3, 5, 5, 1},
      },
      true);
}

}  // namespace
}  // namespace squint
