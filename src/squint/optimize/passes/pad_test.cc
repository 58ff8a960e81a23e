#include <limits>

#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

using testing::ElementsAre;
using Sizes = std::vector<int64_t>;

class PadTest : public PassTest {
 protected:
  void SetUp() override { x = Input("x", {1, 2, 6, 6}); }
  ValueId Pad(ValueId data, std::vector<int64_t> pads, float value = 0.0f) {
    return Node("Pad", {data, Ints("pads", std::move(pads)), Number(value)},
                "pad");
  }
  ValueId Conv(ValueId data, Attributes attributes = {}) {
    return Node("Conv", {data, Random("w", {3, 2, 3, 3})}, "conv",
                std::move(attributes));
  }
  ValueId Pool(std::string_view type, ValueId data, Attributes more = {}) {
    more["kernel_shape"] = Sizes{3, 3};
    return Node(type, {data}, "pool", std::move(more));
  }
  int Changes() { return RunPass("pad").changes; }
  ValueId x = kNoValue;
  const std::vector<int64_t> kAround = {0, 0, 1, 2, 0, 0, 1, 0};
};

TEST_F(PadTest, ZerosBecomeThePaddingOfConv) {
  Output(Conv(Pad(x, kAround),
              {{"pads", Sizes{1, 1, 1, 1}}, {"strides", Sizes{2, 2}}}));
  EXPECT_EQ(Changes(), 1);
  EXPECT_THAT(Only("Conv").Ints("pads"), ElementsAre(2, 3, 2, 1));
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(PadTest, AxesInputIsRead) {
  const ValueId pad =
      Node("Pad",
           {x, Ints("pads", {1, 2, 0, 3}), Number(0.0f), Ints("axes", {-1, 2})},
           "pad");
  Output(Conv(pad, {{"auto_pad", std::string("VALID")}}));
  EXPECT_EQ(Changes(), 1);
  EXPECT_THAT(Only("Conv").Ints("pads"), ElementsAre(2, 1, 3, 0));
}

TEST_F(PadTest, OnesStayInFrontOfConv) {
  Output(Conv(Pad(x, kAround, 1.0f)));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, ChannelsStayPadded) {
  Output(Node("Conv",
              {Pad(x, {0, 0, 0, 0, 0, 1, 0, 0}), Random("w", {3, 3, 3, 3})},
              "conv"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, CroppingStays) {
  Output(Conv(Pad(x, {0, 0, -1, 0, 0, 0, 1, 0})));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, ReflectionStays) {
  const ValueId pad = Node("Pad", {x, Ints("pads", kAround)}, "pad",
                           {{"mode", std::string("reflect")}});
  Output(Conv(pad));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, SameUpperStays) {
  Output(Conv(Pad(x, kAround), {{"auto_pad", std::string("SAME_UPPER")}}));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, APadReadByOthersTooStaysForThem) {
  const ValueId pad = Pad(x, kAround);
  Output(Conv(pad));
  Output(Node("Relu", {pad}, "relu"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Count("Pad"), 1);
}

TEST_F(PadTest, AveragePoolWithoutPaddingStartsToCountIt) {
  Output(Pool("AveragePool", Pad(x, kAround)));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Only("AveragePool").Int("count_include_pad", 0), 1);
}

TEST_F(PadTest, AveragePoolThatLeavesItsPaddingOutStays) {
  Output(Pool("AveragePool", Pad(x, kAround), {{"pads", Sizes{1, 1, 1, 1}}}));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, AveragePoolThatCountsItsPaddingTakesMore) {
  Output(
      Pool("AveragePool", Pad(x, {0, 0, 1, 1, 0, 0, 1, 1}),
           {{"pads", Sizes{1, 1, 1, 1}}, {"count_include_pad", int64_t{1}}}));
  EXPECT_EQ(Changes(), 1);
}

TEST_F(PadTest, PaddingAsWideAsTheWindowStays) {
  Output(Pool("AveragePool", Pad(x, {0, 0, 3, 0, 0, 0, 0, 0})));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, RoundingUpStays) {
  Output(Pool("AveragePool", Pad(x, kAround),
              {{"ceil_mode", int64_t{1}}, {"strides", Sizes{2, 2}}}));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, MaxPoolOfAnythingStays) {
  Output(Pool("MaxPool", Pad(x, kAround)));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, MaxPoolBehindReluTakesZeros) {
  Output(Pool("MaxPool", Pad(Node("Relu", {x}, "r"), kAround)));
  EXPECT_EQ(Changes(), 1);
}

TEST_F(PadTest, MaxPoolBehindReluDoesNotTakeOnes) {
  Output(Pool("MaxPool", Pad(Node("Relu", {x}, "r"), kAround, 1.0f)));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(PadTest, MaxPoolTakesMinusInfinity) {
  Output(Pool("MaxPool",
              Pad(x, kAround, -std::numeric_limits<float>::infinity())));
  EXPECT_EQ(Changes(), 1);
}

}  // namespace
}  // namespace squint
