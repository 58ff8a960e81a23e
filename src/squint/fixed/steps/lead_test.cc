// Kernels whose result lies over their input, as far ahead as they ask for,
// give what they give in memory of their own.
#include "squint/fixed/steps/lead.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

#include "squint/kernels/fixed/conv.h"
#include "squint/kernels/fixed/conv_16.h"
#include "squint/kernels/fixed/conv_long.h"
#include "squint/kernels/fixed/depthwise.h"
#include "squint/kernels/fixed/depthwise_16.h"
#include "squint/kernels/fixed/max_pool.h"
#include "squint/kernels/fixed/rows.h"
#include "squint/kernels/fixed/rows_16.h"
#include "squint/kernels/fixed/rows_long.h"

namespace squint {
namespace {

using Bytes = std::vector<int8_t>;
using Kernel = std::function<void(const int8_t* x, int8_t* y)>;

class Random {
 public:
  int32_t Pick(int32_t low, int32_t high) {
    return std::uniform_int_distribution<int32_t>(low, high)(engine_);
  }
  Bytes Some(int64_t count) {
    Bytes bytes(static_cast<size_t>(count));
    for (int8_t& byte : bytes) byte = static_cast<int8_t>(Pick(-128, 127));
    return bytes;
  }
  squint_window Window(int32_t images, int32_t channels) {
    squint_window w = {};
    w.images = images;
    w.channels = channels;
    w.in_h = Pick(1, 9);
    w.in_w = Pick(1, 9);
    w.taps_h = Pick(1, 4);
    w.taps_w = Pick(1, 4);
    w.stride_h = Pick(1, 3);
    w.stride_w = Pick(1, 3);
    w.step_h = Pick(1, 2);
    w.step_w = Pick(1, 2);
    w.pad_top = Pick(-1, 3);
    w.pad_left = Pick(-1, 3);
    w.out_h = Pick(1, 9);
    w.out_w = Pick(1, 9);
    w.zero = Pick(-128, 127);
    return w;
  }

 private:
  std::mt19937 engine_{11};
};

// Weights of `channels` results, each of `depth` terms.
struct Layer {
  Layer(int64_t channels, int64_t depth, Random& random)
      : w(random.Some(channels * depth)),
        bias(static_cast<size_t>(channels), 77),
        multiplier(bias.size(), 1 << 30),
        shift(bias.size(), 37) {}
  squint_weights weights() const {
    return {w.data(), bias.data(), multiplier.data(), shift.data()};
  }

  Bytes w;
  std::vector<int32_t> bias;
  std::vector<int32_t> multiplier;
  Bytes shift;
};

void ExpectSameOver(const Bytes& x, int64_t result, int64_t lead,
                    const Kernel& kernel) {
  Bytes apart(static_cast<size_t>(result));
  kernel(x.data(), apart.data());
  const auto ahead = static_cast<size_t>(lead);
  Bytes memory(std::max(ahead + x.size(), apart.size()));
  std::ranges::copy(x, memory.begin() + lead);
  kernel(memory.data() + ahead, memory.data());
  memory.resize(apart.size());
  EXPECT_EQ(memory, apart);
}

int64_t InBytes(const squint_window& w) {
  return int64_t{w.images} * w.in_h * w.in_w * w.channels;
}
int64_t OutBytes(const squint_window& w, int64_t channels) {
  return int64_t{w.images} * w.out_h * w.out_w * channels;
}

TEST(LeadOfWindow, LetsPoolsWriteOverTheirInput) {
  Random random;
  for (int round = 0; round < 400; ++round) {
    const squint_window w = random.Window(random.Pick(1, 3), random.Pick(1, 5));
    ExpectSameOver(
        random.Some(InBytes(w)), OutBytes(w, w.channels),
        LeadOfWindow(w, w.channels, 0),
        [&](const int8_t* x, int8_t* y) { squint_max_pool(&w, x, y); });
  }
}

TEST(LeadOfWindow, LetsDepthwiseConvolutionsWriteOverTheirInput) {
  Random random;
  for (int round = 0; round < 400; ++round) {
    const squint_window w = random.Window(random.Pick(1, 2), random.Pick(1, 9));
    const Layer layer(w.channels, int64_t{w.taps_h} * w.taps_w, random);
    const squint_weights weights = layer.weights();
    ExpectSameOver(random.Some(InBytes(w)), OutBytes(w, w.channels),
                   LeadOfWindow(w, w.channels, 0),
                   [&](const int8_t* x, int8_t* y) {
                     squint_depthwise(&w, &weights, 3, x, y);
                   });
  }
}

TEST(LeadOfWindow, LetsConvolutionsWriteOverTheirInput) {
  Random random;
  for (int round = 0; round < 400; ++round) {
    const squint_window w = random.Window(random.Pick(1, 2), random.Pick(1, 5));
    const squint_columns columns = {random.Pick(1, 7),
                                    w.taps_h * w.taps_w * w.channels};
    const Layer layer(columns.count, columns.depth, random);
    const squint_weights weights = layer.weights();
    Bytes scratch(static_cast<size_t>(2 * columns.depth));
    ExpectSameOver(
        random.Some(InBytes(w)), OutBytes(w, columns.count),
        LeadOfWindow(w, columns.count, 2), [&](const int8_t* x, int8_t* y) {
          squint_conv(&w, 1, &columns, &weights, 3, x, y, scratch.data());
        });
  }
}

TEST(LeadOfRows, LetsProductsWriteOverTheirInput) {
  Random random;
  for (int round = 0; round < 400; ++round) {
    const int32_t rows = random.Pick(1, 9);
    const squint_columns columns = {random.Pick(1, 9), random.Pick(1, 9)};
    const Layer layer(columns.count, columns.depth, random);
    const squint_weights weights = layer.weights();
    ExpectSameOver(random.Some(int64_t{rows} * columns.depth),
                   int64_t{rows} * columns.count,
                   LeadOfRows(rows, columns.depth, columns.count, 2),
                   [&](const int8_t* x, int8_t* y) {
                     squint_rows(rows, &columns, &weights, 3, x, y);
                   });
  }
}

// Numbers of 16 bits, by the kernels that read and write them in another order
// than those of bytes, or gather them.
TEST(LeadOfWindow, CountsNumbersOfSixteenBits) {
  Random random;
  for (int round = 0; round < 400; ++round) {
    const squint_window w = random.Window(1, random.Pick(1, 9));
    const squint_columns columns = {random.Pick(1, 7),
                                    w.taps_h * w.taps_w * w.channels};
    const Layer layer(columns.count, columns.depth, random);
    const Layer deep(w.channels, int64_t{w.taps_h} * w.taps_w, random);
    const squint_weights weights = layer.weights();
    const squint_weights depthwise = deep.weights();
    const std::vector<int64_t> bias(layer.bias.begin(), layer.bias.end());
    Bytes scratch(static_cast<size_t>(4 * columns.depth));
    const Bytes x = random.Some(2 * InBytes(w));
    ExpectSameOver(x, 2 * OutBytes(w, w.channels),
                   2 * LeadOfWindow(w, w.channels, 0),
                   [&](const int8_t* from, int8_t* y) {
                     squint_depthwise_16(&w, &depthwise, 3, from, y);
                   });
    ExpectSameOver(x, 2 * OutBytes(w, columns.count),
                   2 * LeadOfWindow(w, columns.count, 2),
                   [&](const int8_t* from, int8_t* y) {
                     squint_conv_16(&w, 1, &columns, &weights, 3, from, y,
                                    scratch.data());
                   });
    ExpectSameOver(x, 2 * OutBytes(w, columns.count),
                   2 * LeadOfWindow(w, columns.count, 1),
                   [&](const int8_t* from, int8_t* y) {
                     squint_conv_long(&w, 1, &columns, &weights, bias.data(), 3,
                                      from, y, scratch.data());
                   });
  }
}

TEST(LeadOfRows, CountsNumbersOfSixteenBits) {
  Random random;
  for (int round = 0; round < 400; ++round) {
    const int32_t rows = random.Pick(1, 9);
    const squint_columns columns = {random.Pick(1, 9), random.Pick(1, 9)};
    const Layer layer(columns.count, columns.depth, random);
    const squint_weights weights = layer.weights();
    const std::vector<int64_t> bias(layer.bias.begin(), layer.bias.end());
    const Bytes x = random.Some(int64_t{2} * rows * columns.depth);
    ExpectSameOver(x, int64_t{2} * rows * columns.count,
                   2 * LeadOfRows(rows, columns.depth, columns.count, 2),
                   [&](const int8_t* from, int8_t* y) {
                     squint_rows_16(rows, &columns, &weights, 3, from, y);
                   });
    ExpectSameOver(x, int64_t{2} * rows * columns.count,
                   2 * LeadOfRows(rows, columns.depth, columns.count, 1),
                   [&](const int8_t* from, int8_t* y) {
                     squint_rows_long(rows, &columns, &weights, bias.data(), 3,
                                      from, y);
                   });
  }
}

// A row above is still needed, and the pixel beside.
TEST(LeadOfWindow, IsARowAndTwoPixelsOfThreeByThree) {
  squint_window w = {};
  w.images = 1;
  w.channels = 4;
  w.in_h = w.out_h = w.in_w = w.out_w = 10;
  w.taps_h = w.taps_w = 3;
  w.stride_h = w.stride_w = w.step_h = w.step_w = 1;
  w.pad_top = w.pad_left = 1;
  EXPECT_EQ(LeadOfWindow(w, 4, 0), (10 + 2) * 4);
}

TEST(LeadOfRows, IsTwoRowsWhereTheyDoNotGrow) {
  EXPECT_EQ(LeadOfRows(50, 8, 8, 2), 2 * 8);
  EXPECT_EQ(LeadOfRows(50, 8, 4, 2), 2 * 4);
  // Of growing rows, the last decide.
  EXPECT_EQ(LeadOfRows(50, 8, 16, 2), 50 * 16 - 48 * 8);
}

}  // namespace
}  // namespace squint
