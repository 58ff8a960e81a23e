#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class GemmTest : public PassTest {
 protected:
  PassReport MatMulAdd(Dims bias_dims, DimList x_dims = {2, 3}) {
    const ValueId x = Input("x", std::move(x_dims));
    const ValueId product = Node("MatMul", {x, Random("w", {3, 4})}, "mm");
    Output(Node("Add", {Random("b", std::move(bias_dims)), product}, "add"));
    return RunPass("gemm");
  }
};

TEST_F(GemmTest, MergesMatMulAndAddOfOneNumberPerColumn) {
  const PassReport report = MatMulAdd({4});
  EXPECT_THAT(report.lines, testing::ElementsAre("mm and add become Gemm"));
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_THAT(Only("Gemm").user_names, testing::ElementsAre("mm", "add"));
}

TEST_F(GemmTest, CopiesNoWeightThatStaysAsItIs) {
  const ValueId x = Input("x", {2, 3});
  const ValueId w = Random("w", {3, 4});
  const BufferRef held = graph.value(w).constant.buffer();
  Output(Node("Add", {Node("MatMul", {x, w}, "mm"), Random("b", {4})}, "add"));
  RunPass("gemm");
  EXPECT_EQ(graph.value(Only("Gemm").input(1)).constant.buffer(), held);
}

TEST_F(GemmTest, MergesABiasOfOneRowAndASymbolicBatch) {
  MatMulAdd({1, 4}, {Dim::Symbol("batch"), 3});
  EXPECT_EQ(graph.value(Only("Gemm").input(2)).constant.dims(), Dims({4}));
}

TEST_F(GemmTest, ExpandsAScalarBias) {
  MatMulAdd({});
  EXPECT_EQ(graph.value(Only("Gemm").input(2)).constant.dims(), Dims({4}));
}

TEST_F(GemmTest, KeepsABiasPerRow) { EXPECT_EQ(MatMulAdd({2, 1}).changes, 0); }

TEST_F(GemmTest, KeepsARank3Product) {
  EXPECT_EQ(MatMulAdd({4}, {2, 2, 3}).changes, 0);
}

TEST_F(GemmTest, KeepsAProductThatIsReadTwice) {
  const ValueId x = Input("x", {2, 3});
  const ValueId product = Node("MatMul", {x, Random("w", {3, 4})}, "mm");
  Output(Node("Add", {product, Random("b", {4})}, "add"));
  Output(Node("Relu", {product}, "relu"));
  EXPECT_EQ(RunPass("gemm").changes, 0);
}

TEST_F(GemmTest, KeepsAProductThatIsAnOutput) {
  const ValueId x = Input("x", {2, 3});
  const ValueId product = Node("MatMul", {x, Random("w", {3, 4})}, "mm");
  Output(product);
  Output(Node("Add", {product, Random("b", {4})}, "add"));
  EXPECT_EQ(RunPass("gemm").changes, 0);
}

TEST_F(GemmTest, KeepsMatMulOfTwoActivations) {
  const ValueId x = Input("x", {2, 3});
  const ValueId w = Input("w", {3, 4});
  const ValueId product = Node("MatMul", {x, w}, "mm");
  Output(Node("Add", {product, Random("b", {4})}, "add"));
  EXPECT_EQ(RunPass("gemm").changes, 0);
}

TEST_F(GemmTest, FoldsAlphaAndBeta) {
  const ValueId x = Input("x", {2, 3});
  Output(Node("Gemm", {x, Random("w", {4, 3}), Random("b", {4})}, "gemm",
              {{"alpha", 0.5f}, {"beta", 3.0f}, {"transB", int64_t{1}}}));
  EXPECT_EQ(RunPass("gemm").changes, 1);
  EXPECT_EQ(Only("Gemm").Float("alpha", 1.0f), 1.0f);
  EXPECT_EQ(Only("Gemm").Float("beta", 1.0f), 1.0f);
  EXPECT_EQ(Only("Gemm").Int("transB", 0), 1);
}

TEST_F(GemmTest, WeightsSharedWithAnotherNodeAreNotChangedForIt) {
  const ValueId x = Input("x", {2, 3});
  const ValueId w = Random("w", {3, 4});
  Output(Node("Gemm", {x, w}, "scaled", {{"alpha", 2.0f}}));
  Output(Node("Gemm", {x, w}, "plain"));
  EXPECT_EQ(RunPass("gemm").changes, 1);
}

}  // namespace
}  // namespace squint
