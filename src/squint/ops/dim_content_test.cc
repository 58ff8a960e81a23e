#include "squint/ops/dim_content.h"

#include <gtest/gtest.h>

namespace squint {
namespace {

Dim N() { return Dim::Symbol("N"); }
Dim T() { return Dim::Symbol("T"); }

TEST(DimContent, SumsAndProductsOfSizesAreNotNegative) {
  EXPECT_TRUE(IsNonNegative(N() * T() + Dim(1)));
  EXPECT_TRUE(IsNonNegative(Dim(0)));
  EXPECT_FALSE(IsNonNegative(N() - Dim(1)));
  EXPECT_FALSE(IsNonNegative(Dim(-1)));
  EXPECT_FALSE(IsNonNegative(Dim::Unknown()));
}

TEST(DimContent, TheSmallerOfTwo) {
  EXPECT_TRUE(MinDim(3, 5).is(3));
  EXPECT_TRUE(MinDim(N(), N()) == N());
  EXPECT_TRUE(MinDim(N(), 0).is(0));
  EXPECT_EQ(MinDim(N(), 8).ToString(), (N() + Dim(8) - Max(N(), 8)).ToString());
}

TEST(DimContent, DivisionTruncatesAndRefusesZero) {
  EXPECT_TRUE(TruncatingDiv(-7, 2).is(-3));
  EXPECT_TRUE(TruncatingDiv(INT64_MIN + 1, -1).is(INT64_MAX));
  EXPECT_THROW(TruncatingDiv(7, 0), Error);
  EXPECT_TRUE(TruncatingDiv(N() * Dim(4), 2) == N() * Dim(2));
  EXPECT_TRUE(TruncatingDiv(N() - Dim(1), 2).is_unknown());
}

TEST(DimContent, RoundingUpKeepsExactQuotients) {
  EXPECT_TRUE(CeilDiv(7, 2).is(4));
  EXPECT_TRUE(CeilDiv(8, 2).is(4));
  EXPECT_TRUE(CeilDiv(N() * Dim(6), 3) == N() * Dim(2));
  EXPECT_TRUE(CeilDiv(N(), 1) == N());
}

TEST(DimContent, ASingleElementRepeats) {
  const auto add = [](const Dim& a, const Dim& b) { return a + b; };
  const DimTensor pair{{N(), 2}, false};
  const DimTensor one{{1}, true};
  const auto sum = CombineContents(pair, one, add);
  ASSERT_TRUE(sum);
  EXPECT_EQ(Shape(sum->elements).ToString(), "[N+1,3]");
  EXPECT_FALSE(sum->scalar);
  EXPECT_FALSE(CombineContents(pair, {{1, 2, 3}, false}, add));
}

TEST(DimContent, SlicesCountWhatIsThere) {
  EXPECT_EQ(ClampSlice(0, INT64_MAX, 1, 0).count, 0);
  EXPECT_EQ(ClampSlice(0, INT64_MAX, INT64_MAX, 5).count, 1);
  EXPECT_EQ(ClampSlice(-2, INT64_MAX, 1, 5).begin, 3);
  EXPECT_EQ(ClampSlice(INT64_MIN, INT64_MAX, 2, 5).count, 3);
  EXPECT_EQ(ClampSlice(INT64_MAX, INT64_MIN, -2, 5).count, 3);
}

}  // namespace
}  // namespace squint
