#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class LayerNormTest : public PassTest {
 protected:
  void SetUp() override { x = Input("x", {Dim::Symbol("n"), 3, 8}); }
  ValueId Mean(ValueId of, std::string_view name, int64_t axis = -1) {
    return Node("ReduceMean", {of, Ints("axes", {axis})}, name,
                {{"keepdims", int64_t{1}}});
  }
  ValueId Deviation(ValueId square) {
    const ValueId variance =
        Node("Add", {Mean(square, "var"), Number(1e-5f)}, "var_eps");
    return Node("Sqrt", {variance}, "std");
  }
  ValueId Quotient() {
    const ValueId d = Node("Sub", {x, Mean(x, "mean")}, "d");
    const ValueId square = Node("Pow", {d, Number(2.0f)}, "square");
    return Node("Div", {d, Deviation(square)}, "normalized");
  }
  int Changes() { return RunPass("layer-norm", 1e-5f).changes; }
  ValueId x = kNoValue;
};

TEST_F(LayerNormTest, WithGammaAndBeta) {
  const ValueId scaled = Node("Mul", {Quotient(), Random("g", {8})}, "scaled");
  Output(Node("Add", {Random("b", {8}), scaled}, "y"));
  EXPECT_EQ(Changes(), 1);
  const squint::Node& norm = Only("LayerNormalization");
  EXPECT_EQ(norm.input(0), graph.FindValue("x"));
  EXPECT_TRUE(norm.has_input(2));
  EXPECT_FLOAT_EQ(norm.Float("epsilon", 0), 1e-5f);
}

TEST_F(LayerNormTest, WithoutGammaAndBeta) {
  Output(Quotient());
  EXPECT_EQ(Changes(), 1);
  EXPECT_FALSE(Only("LayerNormalization").has_input(2));
}

TEST_F(LayerNormTest, WithTwoDifferencesAndAProductForTheSquare) {
  const ValueId mean = Mean(x, "mean");
  const ValueId d1 = Node("Sub", {x, mean}, "d1");
  const ValueId d2 = Node("Sub", {x, mean}, "d2");
  const ValueId square = Node("Mul", {d2, d2}, "square");
  const ValueId inverse = Node("Reciprocal", {Deviation(square)}, "inverse");
  Output(Node("Mul", {d1, inverse}, "y"));
  RunAll();
  EXPECT_EQ(Count("LayerNormalization"), 1) << PrintGraph(graph);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(LayerNormTest, MeanOverAnotherAxisStays) {
  const ValueId d = Node("Sub", {x, Mean(x, "mean", 1)}, "d");
  const ValueId square = Node("Mul", {d, d}, "square");
  Output(Node("Div", {d, Deviation(square)}, "y"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(LayerNormTest, SquareOfAnotherDifferenceStays) {
  const ValueId other = Input("other", {Dim::Symbol("n"), 3, 8});
  const ValueId d = Node("Sub", {x, Mean(x, "mean")}, "d");
  const ValueId square = Node("Mul", {other, other}, "square");
  Output(Node("Div", {d, Deviation(square)}, "y"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(LayerNormTest, GammaAlongAnotherAxisStaysOutside) {
  Output(Node("Mul", {Quotient(), Random("g", {3, 1})}, "y"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Count("Mul"), 1);
  EXPECT_EQ(Count("LayerNormalization"), 1);
}

TEST_F(LayerNormTest, NormalizedValueThatOthersReadStaysAlone) {
  const ValueId quotient = Quotient();
  Output(quotient);
  Output(Node("Mul", {quotient, Random("g", {8})}, "y"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Count("LayerNormalization"), 1);
  EXPECT_EQ(Count("Mul"), 1);
}

}  // namespace
}  // namespace squint
