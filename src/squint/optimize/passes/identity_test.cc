#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

class IdentityTest : public PassTest {
 protected:
  // relu -> `op` -> sigmoid: what stays when the pass has run.
  int NodesLeft(std::string_view op, std::vector<ValueId> more,
                Attributes attributes = {}, DimList dims = {2, 3}) {
    const ValueId x = Input("x", std::move(dims));
    more.insert(more.begin(), Node("Relu", {x}, "r"));
    const ValueId middle = Node(op, more, "middle", std::move(attributes));
    Output(Node("Sigmoid", {middle}, "y"));
    RunPass("identity", 0.0f);
    return NodeCount();
  }
};

TEST_F(IdentityTest, DropsIdentity) { EXPECT_EQ(NodesLeft("Identity", {}), 2); }

TEST_F(IdentityTest, DropsDropoutAtInference) {
  EXPECT_EQ(NodesLeft("Dropout", {Number(0.5f)}), 2);
}

TEST_F(IdentityTest, DropsCastToTheSameType) {
  EXPECT_EQ(NodesLeft("Cast", {}, {{"to", int64_t{1}}}), 2);
}

TEST_F(IdentityTest, DropsReshapeToTheSameShapeWithASymbolicBatch) {
  EXPECT_EQ(NodesLeft("Reshape", {Ints("shape", {-1, 3})}, {},
                      {Dim::Symbol("batch"), 3}),
            2);
}

TEST_F(IdentityTest, DropsReshapeThatRepeatsAnUnknownShape) {
  EXPECT_EQ(NodesLeft("Reshape", {Ints("shape", {0, -1, 3})}, {},
                      {Dim::Unknown(), Dim::Unknown(), 3}),
            2);
}

TEST_F(IdentityTest, KeepsReshapeThatNamesAnUnknownDimension) {
  EXPECT_EQ(NodesLeft("Reshape", {Ints("shape", {-1, 2})}, {},
                      {Dim::Unknown(), Dim::Unknown()}),
            3);
}

TEST_F(IdentityTest, DropsFlattenOfAMatrix) {
  EXPECT_EQ(NodesLeft("Flatten", {}, {{"axis", int64_t{1}}},
                      {Dim::Unknown(), Dim::Unknown()}),
            2);
}

TEST_F(IdentityTest, KeepsFlattenOfAMatrixToARow) {
  EXPECT_EQ(NodesLeft("Flatten", {}, {{"axis", int64_t{0}}},
                      {Dim::Unknown(), Dim::Unknown()}),
            3);
}

TEST_F(IdentityTest, KeepsReshapeToAnotherShape) {
  EXPECT_EQ(NodesLeft("Reshape", {Ints("shape", {3, 2})}), 3);
}

TEST_F(IdentityTest, DropsTransposeThatMovesNothing) {
  EXPECT_EQ(NodesLeft("Transpose", {}, {{"perm", std::vector<int64_t>{0, 1}}}),
            2);
}

TEST_F(IdentityTest, KeepsTransposeOfASquare) {
  EXPECT_EQ(NodesLeft("Transpose", {}, {{"perm", std::vector<int64_t>{1, 0}}},
                      {3, 3}),
            3);
}

TEST_F(IdentityTest, KeepsTransposeWithoutPermWhichReverses) {
  EXPECT_EQ(NodesLeft("Transpose", {}, {}, {3, 3}), 3);
}

TEST_F(IdentityTest, DropsAddOfZerosOnEitherSide) {
  EXPECT_EQ(NodesLeft("Add", {Floats("zeros", {3}, {0, 0, 0})}), 2);
}

TEST_F(IdentityTest, KeepsAddOfZerosThatBroadcastsTheData) {
  EXPECT_EQ(NodesLeft("Add", {Floats("zeros", {2, 2, 3},
                                     std::vector<float>(12, 0.0f))}),
            3);
}

TEST_F(IdentityTest, KeepsAddOfAlmostZero) {
  EXPECT_EQ(NodesLeft("Add", {Number(1e-30f)}), 3);
}

TEST_F(IdentityTest, DropsMulByOneWrittenFirst) {
  const ValueId x = Input("x", {2, 3});
  Output(Node("Relu", {Node("Mul", {Number(1.0f), x}, "m")}, "y"));
  EXPECT_EQ(RunPass("identity", 0.0f).changes, 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(IdentityTest, KeepsOneMinusX) {
  const ValueId x = Input("x", {2, 3});
  Output(Node("Relu", {Node("Sub", {Number(0.0f), x}, "m")}, "y"));
  EXPECT_EQ(RunPass("identity", 0.0f).changes, 0);
}

TEST_F(IdentityTest, DropsConcatOfOne) {
  EXPECT_EQ(NodesLeft("Concat", {}, {{"axis", int64_t{1}}}), 2);
}

TEST_F(IdentityTest, DropsPadOfNothingAndKeepsShiftingPad) {
  EXPECT_EQ(NodesLeft("Pad", {Ints("pads", {0, 0, 0, 0})}), 2);
  graph = Graph();
  EXPECT_EQ(NodesLeft("Pad", {Ints("pads", {1, 0, -1, 0})}), 3);
}

TEST_F(IdentityTest, KeepsSliceThatReverses) {
  EXPECT_EQ(NodesLeft("Slice", {Ints("starts", {-1}), Ints("ends", {-100}),
                                Ints("axes", {1}), Ints("steps", {-1})}),
            3);
}

TEST_F(IdentityTest, DropsSliceOfEverything) {
  EXPECT_EQ(NodesLeft("Slice", {Ints("starts", {0}), Ints("ends", {100}),
                                Ints("axes", {1})}),
            2);
}

TEST_F(IdentityTest, DropsSqueezeOfUnsqueezeAsAPair) {
  const ValueId x = Input("x", {2, 3});
  const ValueId r = Node("Relu", {x}, "r");
  const ValueId up = Node("Unsqueeze", {r, Ints("axes", {0})}, "up");
  const ValueId down = Node("Squeeze", {up, Ints("axes", {0})}, "down");
  Output(Node("Sigmoid", {down}, "y"));
  RunPass("identity", 0.0f);
  EXPECT_EQ(graph.node(graph.value(graph.FindValue("y")).producer).input(0),
            graph.FindValue("r"));
}

TEST_F(IdentityTest, GraphOutputKeepsItsNameAndTheProducerMakesIt) {
  const ValueId x = Input("x", {2, 3});
  Output(Node("Identity", {Node("Relu", {x}, "r")}, "y"));
  EXPECT_EQ(RunPass("identity", 0.0f).changes, 1);
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_THAT(Only("Relu").user_names, testing::ElementsAre("r", "y"));
}

TEST_F(IdentityTest, KeepsIdentityFromAnInputToAnOutput) {
  const ValueId x = Input("x", {2, 3});
  Output(Node("Identity", {x}, "y"));
  EXPECT_EQ(RunPass("identity", 0.0f).changes, 0);
}

TEST_F(IdentityTest, KeepsIdentityBetweenTwoOutputs) {
  const ValueId x = Input("x", {2, 3});
  const ValueId r = Node("Relu", {x}, "r");
  Output(r);
  Output(Node("Identity", {r}, "y"));
  EXPECT_EQ(RunPass("identity", 0.0f).changes, 0);
}

TEST_F(IdentityTest, KeepsUnknownOperatorsThatLeaveTheirFirstInputOut) {
  const ValueId x = Input("x", {2, 3});
  Output(graph.Emit("Mystery", {kNoValue, x}, "y"));
  Optimize(graph);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(IdentityTest, LeavesQuantizedValuesAlone) {
  const ValueId x = Input("x", {2, 3});
  const ValueId r = Node("Relu", {x}, "r");
  graph.value(r).quant = PerTensor(DType::kInt8, 0.1f, 0);
  Output(Node("Relu", {Node("Identity", {r}, "same")}, "y"));
  EXPECT_EQ(RunPass("identity", 0.0f).changes, 0);
}

}  // namespace
}  // namespace squint
