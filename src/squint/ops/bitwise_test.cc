#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "squint/base/error.h"
#include "squint/ops/op_examples.h"

namespace squint {

namespace {

Tensor Bytes(Dims dims, std::vector<int64_t> values) {
  return Ints(std::move(dims), std::move(values)).CastTo(DType::kUint8);
}

}  // namespace

std::vector<OpExample> Examples_bitwise() {
  std::vector<OpExample> examples;
  for (const char* type : {"BitwiseAnd", "BitwiseOr", "BitwiseXor"}) {
    examples.push_back(OpExample(type, "per column")
                           .In(Ints({2, 3}, {1, 2, 3, -1, -2, -3}))
                           .Const(Ints({3}, {5, 6, 7})));
  }
  for (const char* direction : {"LEFT", "RIGHT"}) {
    examples.push_back(OpExample("BitShift", direction)
                           .In(Bytes({2, 2}, {1, 2, 128, 255}))
                           .Const(Bytes({}, {1}))
                           .Set("direction", std::string(direction)));
  }
  examples.push_back(OpExample("BitwiseNot", "").In(Ints({2}, {0, 5})));
  return examples;
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<int64_t> Apply(const char* type, const Tensor& a, const Tensor& b) {
  return RunExample(OpExample(type, "").In(a).In(b))[0].ToInts();
}

std::vector<int64_t> Shift(const char* direction, const Tensor& a,
                           const Tensor& b) {
  return RunExample(OpExample("BitShift", "")
                        .In(a)
                        .In(b)
                        .Set("direction", std::string(direction)))[0]
      .ToInts();
}

TEST(Bitwise, WorksOnTheBitsOfEachType) {
  const Tensor a = Ints({2}, {12, -1});
  const Tensor b = Ints({2}, {10, 6});
  EXPECT_THAT(Apply("BitwiseAnd", a, b), ElementsAre(8, 6));
  EXPECT_THAT(Apply("BitwiseOr", a, b), ElementsAre(14, -1));
  EXPECT_THAT(Apply("BitwiseXor", a, b), ElementsAre(6, -7));
  EXPECT_THAT(RunExample(OpExample("BitwiseNot", "").In(Bytes({2}, {0, 5})))[0]
                  .ToInts(),
              ElementsAre(255, 250));
}

TEST(BitShift, BitsThatLeaveTheTypeAreLost) {
  const Tensor x = Bytes({3}, {1, 129, 255});
  EXPECT_THAT(Shift("LEFT", x, Bytes({}, {1})), ElementsAre(2, 2, 254));
  EXPECT_THAT(Shift("RIGHT", x, Bytes({}, {1})), ElementsAre(0, 64, 127));
}

TEST(BitShift, ByTheWidthOfTheTypeNothingIsLeft) {
  const Tensor x = Bytes({2}, {255, 255});
  EXPECT_THAT(Shift("LEFT", x, Bytes({2}, {8, 200})), ElementsAre(0, 0));
  EXPECT_THAT(Shift("RIGHT", x, Bytes({2}, {7, 8})), ElementsAre(1, 0));
  const Tensor wide = Ints({1}, {1}).CastTo(DType::kUint64);
  EXPECT_THAT(Shift("LEFT", wide, Ints({1}, {64}).CastTo(DType::kUint64)),
              ElementsAre(0));
}

TEST(BitShift, SignedNumbersKeepTheirSignToTheRight) {
  const Tensor x = Ints({4}, {-8, 8, -8, -1});
  const Tensor bits = Ints({4}, {1, 1, 64, -1});
  EXPECT_THAT(Shift("RIGHT", x, bits), ElementsAre(-4, 4, -1, -1));
  EXPECT_THAT(Shift("LEFT", x, bits), ElementsAre(-16, 16, 0, 0));
}

TEST(Bitwise, RefusesWhatHasNoBits) {
  EXPECT_THROW(Apply("BitwiseAnd", Ramp({2}), Ramp({2})), Error);
  EXPECT_THROW(Shift("LEFT", Ramp({1}), Ramp({1})), Error);
  EXPECT_THAT([] { Shift("left", Bytes({1}, {1}), Bytes({1}, {1})); },
              ThrowsMessage<Error>(HasSubstr("expected LEFT or RIGHT")));
}

}  // namespace
}  // namespace squint
