#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class SliceChainTest : public PassTest {
 protected:
  ValueId Slice(ValueId x, int64_t axis, int64_t start, int64_t end,
                int64_t step, std::string_view name) {
    return Node("Slice",
                {x, Ints("starts", {start}), Ints("ends", {end}),
                 Ints("axes", {axis}), Ints("steps", {step})},
                name);
  }
  int Changes() { return RunPass("slice-chain", 0.0f).changes; }
};

TEST_F(SliceChainTest, DifferentAxesAreOneSlice) {
  const ValueId x = Input("x", {Dim::Symbol("n"), 3, 6, 8});
  const ValueId a = Slice(x, 2, 0, 1000, 2, "a");
  const ValueId b = Slice(a, -1, -1, -1000, -2, "b");
  Output(Slice(b, 1, 1, 3, 1, "y"));
  EXPECT_EQ(Changes(), 2);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(SliceChainTest, TheSameAxisTwiceStaysTwo) {
  const ValueId x = Input("x", {2, 6});
  Output(Slice(Slice(x, 1, 1, 6, 1, "a"), -1, 1, 6, 2, "y"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(SliceChainTest, ASliceThatOthersReadStays) {
  const ValueId x = Input("x", {4, 6});
  const ValueId a = Slice(x, 0, 1, 4, 1, "a");
  Output(a);
  Output(Slice(a, 1, 1, 6, 2, "y"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(SliceChainTest, AbsentAxesAreTheFirstOnes) {
  const ValueId x = Input("x", {4, 6, 5});
  const ValueId a =
      Node("Slice", {x, Ints("s", {1, 2}), Ints("e", {4, 6})}, "a");
  Output(Slice(a, 2, 0, 5, 3, "y"));
  EXPECT_EQ(Changes(), 1);
}

}  // namespace
}  // namespace squint
