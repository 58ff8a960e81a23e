#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class ShapeArithmeticTest : public PassTest {
 protected:
  const Dim n = Dim::Symbol("n");
  const Dim t = Dim::Symbol("t");

  // One dimension of x as a vector of one: Shape, Gather, Unsqueeze.
  ValueId DimOf(ValueId x, int64_t axis) {
    const ValueId shape = Node("Shape", {x}, "shape");
    const ValueId index =
        graph.AddConstant("index", Tensor::Scalar<int64_t>(axis));
    const ValueId dim = Node("Gather", {shape, index}, "dim");
    return Node("Unsqueeze", {dim, Ints("axes", {0})}, "dim1");
  }
  ValueId Concat(std::vector<ValueId> parts) {
    return Node("Concat", std::move(parts), "target", {{"axis", int64_t{0}}});
  }
  std::vector<int64_t> Target() const {
    const ValueId target = Only("Reshape").input(1);
    EXPECT_TRUE(graph.value(target).is_constant()) << PrintGraph(graph);
    return graph.value(target).constant.ToInts();
  }
};

TEST_F(ShapeArithmeticTest, KnownDimensionsBecomeConstants) {
  const ValueId x = Input("x", {2, 3, 4});
  Output(Node("Reshape", {x, Concat({DimOf(x, 0), Ints("c", {12})})}, "y"));
  EXPECT_GT(RunPass("shape-arithmetic", 0.0f).changes, 0);
  EXPECT_THAT(Target(), testing::ElementsAre(2, 12));
}

TEST_F(ShapeArithmeticTest, CopiedDimensionsBecomeZero) {
  const ValueId x = Input("x", {n, t, 12});
  const ValueId target = Concat({DimOf(x, 0), DimOf(x, 1), Ints("c", {3, 4})});
  Output(Node("Reshape", {x, target}, "y"));
  EXPECT_GT(RunPass("shape-arithmetic", 0.0f).changes, 0);
  EXPECT_THAT(Target(), testing::ElementsAre(0, 0, 3, 4));
}

TEST_F(ShapeArithmeticTest, OneOtherSymbolBecomesMinusOne) {
  const ValueId x = Input("x", {n, t, 4});
  const ValueId rows = Node("Mul", {DimOf(x, 0), DimOf(x, 1)}, "rows");
  Output(Node("Reshape", {x, Concat({rows, Ints("c", {4})})}, "y"));
  EXPECT_GT(RunPass("shape-arithmetic", 0.0f).changes, 0);
  EXPECT_THAT(Target(), testing::ElementsAre(-1, 4));
}

TEST_F(ShapeArithmeticTest, TwoOtherSymbolsStayComputed) {
  const ValueId x = Input("x", {n, t});
  Output(Node("Reshape", {x, Concat({DimOf(x, 1), DimOf(x, 0)})}, "y"));
  EXPECT_EQ(RunPass("shape-arithmetic", 0.0f).changes, 0);
}

TEST_F(ShapeArithmeticTest, MinusOneOfTheTargetCountsAsTheOther) {
  const ValueId x = Input("x", {n, t});
  Output(Node("Reshape", {x, Concat({DimOf(x, 1), Ints("c", {-1})})}, "y"));
  EXPECT_EQ(RunPass("shape-arithmetic", 0.0f).changes, 0);
}

TEST_F(ShapeArithmeticTest, WithAllowzeroNothingIsCopied) {
  const ValueId x = Input("x", {n, t, 12});
  const ValueId target = Concat({DimOf(x, 0), DimOf(x, 1), Ints("c", {12})});
  Output(Node("Reshape", {x, target}, "y", {{"allowzero", int64_t{1}}}));
  EXPECT_EQ(RunPass("shape-arithmetic", 0.0f).changes, 0);
}

TEST_F(ShapeArithmeticTest, AShapeThatIsAGraphOutputStaysComputed) {
  const ValueId x = Input("x", {2, 3});
  Output(Node("Shape", {x}, "y"));
  EXPECT_EQ(RunPass("shape-arithmetic", 0.0f).changes, 0);
}

}  // namespace
}  // namespace squint
