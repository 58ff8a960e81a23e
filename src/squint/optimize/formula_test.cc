#include "squint/optimize/formula.h"

#include <cmath>

#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

using testing::ElementsAre;

class FormulaTest : public PassTest {
 protected:
  void SetUp() override { x = Input("x", {3}); }
  Editor& Edit() {
    InferShapes(graph);
    editor.emplace(graph);
    return *editor;
  }
  ValueId x = kNoValue;
  std::optional<Editor> editor;
};

TEST_F(FormulaTest, ProductCollectsFactorsAndOperands) {
  const ValueId y = Input("y", {3});
  const ValueId a = Node("Div", {x, Number(4.0f)}, "a");
  const ValueId b = Node("Mul", {Number(3.0f), y}, "b");
  const ValueId c = Node("Mul", {a, b}, "c");
  Output(Node("Neg", {c}, "d"));
  const Product product = ReadProduct(Edit(), graph.FindValue("d"));
  EXPECT_DOUBLE_EQ(product.factor, -0.75);
  EXPECT_THAT(product.operands, ElementsAre(x, y));
  EXPECT_EQ(product.nodes.size(), 4u);
}

TEST_F(FormulaTest, ProductCountsPowers) {
  const ValueId cube = Node("Pow", {x, Number(3.0f)}, "cube");
  Output(Node("Mul", {cube, Number(0.5f)}, "y"));
  const Product product = ReadProduct(Edit(), graph.FindValue("y"));
  EXPECT_THAT(product.operands, ElementsAre(x, x, x));
}

TEST_F(FormulaTest, AFactorWithoutNumbersIsNone) {
  const ValueId empty = Input("empty", {0});
  const ValueId none =
      graph.AddConstant("none", Tensor(DType::kFloat32, Dims{0}));
  Output(Node("Mul", {empty, none}, "y"));
  const Product product = ReadProduct(Edit(), graph.FindValue("y"));
  EXPECT_DOUBLE_EQ(product.factor, 1.0);
  EXPECT_THAT(product.nodes, ElementsAre());
}

TEST_F(FormulaTest, ProductStopsAtWhatOthersRead) {
  const ValueId half = Node("Mul", {x, Number(0.5f)}, "half");
  Output(half);
  Output(Node("Mul", {half, Number(0.5f)}, "y"));
  const Product product = ReadProduct(Edit(), graph.FindValue("y"));
  EXPECT_DOUBLE_EQ(product.factor, 0.5);
  EXPECT_THAT(product.operands, ElementsAre(half));
}

TEST_F(FormulaTest, LineComposesFromTheInsideOut) {
  const ValueId a = Node("Sub", {Number(1.0f), x}, "a");
  const ValueId b = Node("Mul", {a, Number(4.0f)}, "b");
  Output(Node("Add", {b, Number(0.5f)}, "y"));
  const Line line = ReadLine(Edit(), graph.FindValue("y"));
  EXPECT_EQ(line.x, x);
  EXPECT_DOUBLE_EQ(line.slope, -4.0);
  EXPECT_DOUBLE_EQ(line.offset, 4.5);
}

TEST_F(FormulaTest, ClampsInARowAreOne) {
  const ValueId a = Node("Add", {x, Number(3.0f)}, "a");
  const ValueId b = Node("Relu", {a}, "b");
  const ValueId c = Node("Min", {b, Number(6.0f)}, "c");
  Output(Node("Div", {c, Number(6.0f)}, "y"));
  const auto clamped = ReadClampedLine(Edit(), graph.FindValue("y"));
  ASSERT_TRUE(clamped.has_value());
  EXPECT_EQ(clamped->line.x, x);
  EXPECT_NEAR(clamped->line.slope, 1.0 / 6.0, 1e-12);
  EXPECT_NEAR(clamped->line.offset, 0.5, 1e-12);
  EXPECT_EQ(clamped->low, 0.0);
  EXPECT_NEAR(clamped->high, 1.0, 1e-12);
}

TEST_F(FormulaTest, DisjointClampsMeetAtTheBorder) {
  const ValueId a = Node("Clip", {x, Number(5.0f), Number(9.0f)}, "a");
  Output(Node("Clip", {a, Number(-1.0f), Number(2.0f)}, "y"));
  const auto clamped = ReadClampedLine(Edit(), graph.FindValue("y"));
  ASSERT_TRUE(clamped.has_value());
  EXPECT_EQ(clamped->low, 2.0);
  EXPECT_EQ(clamped->high, 2.0);
}

TEST_F(FormulaTest, FallingLineAroundAClampIsNotRead) {
  const ValueId a = Node("Relu", {x}, "a");
  Output(Node("Neg", {a}, "y"));
  EXPECT_FALSE(ReadClampedLine(Edit(), graph.FindValue("y")).has_value());
}

TEST_F(FormulaTest, ALineAloneClampsNothing) {
  Output(Node("Add", {x, Number(3.0f)}, "y"));
  EXPECT_FALSE(ReadClampedLine(Edit(), graph.FindValue("y")).has_value());
}

}  // namespace
}  // namespace squint
