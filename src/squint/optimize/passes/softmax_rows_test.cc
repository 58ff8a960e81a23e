#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class SoftmaxRowsTest : public PassTest {
 protected:
  int Changes(int64_t flatten_axis, std::vector<int64_t> target) {
    const ValueId x = Input("x", {Dim::Symbol("n"), 3, 4});
    const ValueId rows = Node("Flatten", {x}, "rows", {{"axis", flatten_axis}});
    const ValueId soft = Node("Softmax", {rows}, "soft");
    Output(Node("Reshape", {soft, Ints("target", std::move(target))}, "y"));
    return RunPass("softmax-rows", 1e-6f).changes;
  }
};

TEST_F(SoftmaxRowsTest, OverTheLastAxisItNeedsNoReshape) {
  EXPECT_EQ(Changes(2, {-1, 3, 4}), 1);
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_THAT(Only("Softmax").user_names, testing::ElementsAre("soft", "y"));
}

TEST_F(SoftmaxRowsTest, OverTwoAxesItDoes) {
  EXPECT_EQ(Changes(1, {-1, 3, 4}), 0);
}

TEST_F(SoftmaxRowsTest, AnotherShapeBehindItStays) {
  EXPECT_EQ(Changes(2, {-1, 4, 3}), 0);
}

}  // namespace
}  // namespace squint
