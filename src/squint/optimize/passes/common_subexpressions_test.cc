#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class CommonSubexpressionsTest : public PassTest {
 protected:
  int Changes() { return RunPass("common-subexpressions", 0.0f).changes; }
};

TEST_F(CommonSubexpressionsTest, WholeChainsMeetThroughEqualConstants) {
  const ValueId x = Input("x", {2, 3});
  const auto chain = [&](const char* name) {
    const ValueId t = Node("Transpose", {x}, std::string(name) + "_t",
                           {{"perm", std::vector<int64_t>{1, 0}}});
    return Node("Unsqueeze", {t, Ints("axes", {0})}, name);
  };
  const ValueId a = chain("a");
  const ValueId b = chain("b");
  Output(Node("Mul", {a, b}, "y"));
  EXPECT_EQ(Changes(), 2);
  EXPECT_EQ(NodeCount(), 3);
  EXPECT_THAT(Only("Unsqueeze").user_names, testing::ElementsAre("a", "b"));
}

TEST_F(CommonSubexpressionsTest, AttributesTellNodesApart) {
  const ValueId x = Input("x", {3, 3});
  Output(Node("Add",
              {Node("Softmax", {x}, "a", {{"axis", int64_t{0}}}),
               Node("Softmax", {x}, "b", {{"axis", int64_t{1}}})},
              "y"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(CommonSubexpressionsTest, ConstantsOfOtherShapeTellNodesApart) {
  const ValueId x = Input("x", {2});
  Output(Node("Add", {x, Floats("c", {1}, {1.0f})}, "a"));
  Output(Node("Add", {x, Floats("d", {1, 1}, {1.0f})}, "b"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(CommonSubexpressionsTest, GraphOutputsStayTwo) {
  const ValueId x = Input("x", {2});
  Output(Node("Relu", {x}, "a"));
  Output(Node("Relu", {x}, "b"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(CommonSubexpressionsTest, LargeConstantsAreComparedByIdentity) {
  const ValueId x = Input("x", {300});
  const std::vector<float> ones(300, 1.0f);
  const ValueId a = Node("Mul", {x, Floats("c", {300}, ones)}, "a");
  const ValueId b = Node("Mul", {x, Floats("d", {300}, ones)}, "b");
  Output(Node("Add", {a, b}, "y"));
  EXPECT_EQ(Changes(), 0);
}

}  // namespace
}  // namespace squint
