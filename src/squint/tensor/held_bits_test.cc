#include "squint/tensor/held_bits.h"

#include <gtest/gtest.h>

namespace squint {
namespace {

int BitsOfNumbers(std::initializer_list<int8_t> numbers) {
  return HeldBits(
      Tensor::Of<int8_t>({static_cast<int64_t>(numbers.size())}, numbers));
}

TEST(HeldBits, AreThoseOfTwosComplement) {
  EXPECT_EQ(BitsOfNumbers({0, 5, 31, -31}), 6);
  EXPECT_EQ(BitsOfNumbers({-32, 31}), 6);
  EXPECT_EQ(BitsOfNumbers({32, 0}), 7);
  EXPECT_EQ(BitsOfNumbers({-33, 0}), 7);
  EXPECT_EQ(BitsOfNumbers({127, -127}), 8);
  EXPECT_EQ(BitsOfNumbers({-128}), 8);
  EXPECT_EQ(BitsOfNumbers({7, -7}), 4);
}

TEST(HeldBits, AreTwoAtLeast) {
  EXPECT_EQ(BitsOfNumbers({0, 0}), 2);
  EXPECT_EQ(BitsOfNumbers({1, -1}), 2);
}

TEST(HeldBits, OfOtherTypesAreTheTypes) {
  EXPECT_EQ(HeldBits(Tensor::Of<int32_t>({2}, {1, 2})), 32);
  EXPECT_EQ(HeldBits(Tensor::Of<uint8_t>({2}, {1, 2})), 8);
}

}  // namespace
}  // namespace squint
