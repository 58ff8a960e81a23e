#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class EinsumTest : public PassTest {
 protected:
  int Changes(const std::string& equation, ValueId a, ValueId b) {
    Output(Node("Einsum", {a, b}, "y", {{"equation", equation}}));
    return RunPass("einsum").changes;
  }
  Dim N() { return Dim::Symbol("n"); }
};

TEST_F(EinsumTest, ScoresOfAttentionAreTransposeAndMatMul) {
  EXPECT_EQ(Changes("bhid,bhjd->bhij", Input("q", {N(), 2, 3, 4}),
                    Input("k", {N(), 2, 5, 4})),
            1);
  EXPECT_EQ(Count("Transpose"), 1);
  EXPECT_EQ(Count("MatMul"), 1);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(EinsumTest, HeadsBehindTheSequenceAreTransposedThereAndBack) {
  EXPECT_EQ(Changes("bhij,bjhd->bihd", Input("p", {N(), 2, 3, 5}),
                    Input("v", {N(), 5, 2, 4})),
            1);
  EXPECT_EQ(Count("Transpose"), 2);
}

TEST_F(EinsumTest, ADenseLayerKeepsItsRowAxes) {
  EXPECT_EQ(
      Changes("abc,cd->abd", Input("x", {N(), 3, 4}), Random("w", {4, 5})), 1);
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_EQ(Only("MatMul").user_names.front(), "y");
}

TEST_F(EinsumTest, HeadsOfAWeightAreColumns) {
  EXPECT_EQ(
      Changes("abc,chd->abhd", Input("x", {N(), 3, 4}), Random("w", {4, 2, 5})),
      1);
  EXPECT_EQ(Count("Einsum"), 0);
}

TEST_F(EinsumTest, HeadsAreSummedOverTogether) {
  EXPECT_EQ(Changes("abhd,hdc->abc", Input("x", {N(), 3, 2, 4}),
                    Random("w", {2, 4, 5})),
            1);
}

TEST_F(EinsumTest, AConstantGoesToTheRight) {
  EXPECT_EQ(
      Changes("oc,nchw->nohw", Random("w", {5, 4}), Input("x", {N(), 4, 3, 2})),
      1);
  EXPECT_EQ(Count("Einsum"), 0);
}

TEST_F(EinsumTest, SeveralRowsInABatchAreMerged) {
  EXPECT_EQ(Changes("nhwc,nck->nhwk", Input("x", {N(), 3, 2, 4}),
                    Input("m", {N(), 4, 5})),
            1);
  EXPECT_EQ(Count("Reshape"), 2);
}

TEST_F(EinsumTest, VectorsInABatchGetTheirMatrices) {
  EXPECT_EQ(Changes("nc,nc->n", Input("x", {N(), 4}), Input("y2", {N(), 4})),
            1);
  EXPECT_EQ(Count("Einsum"), 0);
}

TEST_F(EinsumTest, AVectorAndAMatrixStayAsTheyAre) {
  EXPECT_EQ(Changes("ij,j->i", Input("x", {N(), 4}), Random("v", {4})), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(EinsumTest, WhatIsNoMatrixProductStays) {
  EXPECT_EQ(Changes("ij,ij->ij", Input("x", {3, 4}), Input("z", {3, 4})), 0);
  EXPECT_EQ(Changes("ij,jk->k", Input("p", {3, 4}), Input("q", {4, 2})), 0);
  EXPECT_EQ(Changes("ii,ij->ij", Input("s", {3, 3}), Input("t", {3, 2})), 0);
  EXPECT_EQ(
      Changes("bij,bjk->bik", Input("u", {1, 3, 4}), Input("v", {2, 4, 5})), 0);
}

TEST_F(EinsumTest, UnknownSizesThatCannotBeToldStay) {
  // Two row axes to merge, both with symbols, and back.
  EXPECT_EQ(Changes("nhwc,nck->nhwk", Input("x", {2, N(), Dim::Symbol("m"), 4}),
                    Input("m", {2, 4, 5})),
            0);
}

}  // namespace
}  // namespace squint
