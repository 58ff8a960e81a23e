#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class GlobalPoolTest : public PassTest {
 protected:
  int Reduce(DimList dims, std::vector<int64_t> axes, int64_t keepdims) {
    const ValueId x = Input("x", std::move(dims));
    Output(Node("ReduceMean", {x, Ints("axes", std::move(axes))}, "mean",
                {{"keepdims", keepdims}}));
    return RunPass("global-pool").changes;
  }
};

TEST_F(GlobalPoolTest, MeanOverHeightAndWidthIsAGlobalPool) {
  EXPECT_EQ(Reduce({Dim::Symbol("n"), 3, 4, 5}, {-1, 2}, 1), 1);
  EXPECT_EQ(Count("GlobalAveragePool"), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(GlobalPoolTest, DroppedAxesAreFlattened) {
  EXPECT_EQ(Reduce({Dim::Symbol("n"), 3, 4, 5}, {2, 3}, 0), 1);
  EXPECT_EQ(Count("Flatten"), 1);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(GlobalPoolTest, OneSpatialAxisOfTwoStays) {
  EXPECT_EQ(Reduce({1, 3, 4, 5}, {3}, 1), 0);
}

TEST_F(GlobalPoolTest, ChannelsLastStays) {
  EXPECT_EQ(Reduce({1, 4, 5, 3}, {1, 2}, 1), 0);
}

TEST_F(GlobalPoolTest, VolumesHaveThreeSpatialAxes) {
  EXPECT_EQ(Reduce({1, 3, 2, 4, 5}, {2, 3, 4}, 1), 1);
}

TEST_F(GlobalPoolTest, SequencesStay) {
  EXPECT_EQ(Reduce({1, 3, 4}, {2}, 1), 0);
}

TEST_F(GlobalPoolTest, AMatrixHasNone) { EXPECT_EQ(Reduce({3, 4}, {1}, 1), 0); }

}  // namespace
}  // namespace squint
