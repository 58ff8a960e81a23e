#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class ReshapeChainTest : public PassTest {
 protected:
  const Dim n = Dim::Symbol("n");
  ValueId Reshape(ValueId x, std::vector<int64_t> target,
                  std::string_view name = "y") {
    return Node("Reshape", {x, Ints("target", std::move(target))}, name);
  }
  ValueId InputOfY() const {
    return graph.node(graph.value(graph.FindValue("y")).producer).input(0);
  }
};

TEST_F(ReshapeChainTest, TheLastReadsWhatTheFirstRead) {
  const ValueId x = Input("x", {2, 3, 4});
  Output(Reshape(Reshape(x, {6, 4}, "first"), {4, -1}));
  EXPECT_EQ(RunPass("reshape-chain", 0.0f).changes, 1);
  EXPECT_EQ(InputOfY(), graph.FindValue("x"));
}

TEST_F(ReshapeChainTest, ACopiedDimensionMustBeTheSameAtTheStart) {
  const ValueId x = Input("x", {2, 3, 4});
  Output(Reshape(Reshape(x, {6, 4}, "first"), {0, 2, 2}));
  EXPECT_EQ(RunPass("reshape-chain", 0.0f).changes, 0);
}

TEST_F(ReshapeChainTest, ACopiedSymbolicBatchPasses) {
  const ValueId x = Input("x", {n, 3, 4});
  const ValueId flat = Node("Flatten", {x}, "flat", {{"axis", int64_t{1}}});
  Output(Reshape(flat, {0, 4, 3}));
  EXPECT_EQ(RunPass("reshape-chain", 0.0f).changes, 1);
}

TEST_F(ReshapeChainTest, TransposeOfOnesIsAReshape) {
  const ValueId x = Input("x", {n, 5, 1, 1});
  const ValueId last = Node("Transpose", {x}, "last",
                            {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  Output(Reshape(last, {-1, 5}));
  EXPECT_EQ(RunPass("reshape-chain", 0.0f).changes, 1);
}

TEST_F(ReshapeChainTest, TransposeThatMovesElementsStays) {
  const ValueId x = Input("x", {n, 5, 2, 1});
  const ValueId last = Node("Transpose", {x}, "last",
                            {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  Output(Reshape(last, {-1, 10}));
  EXPECT_EQ(RunPass("reshape-chain", 0.0f).changes, 0);
}

}  // namespace
}  // namespace squint
