#include "squint/optimize/passes/pass_testing.h"

namespace squint {
namespace {

using testing::ElementsAre;
using Pads = std::vector<int64_t>;

class ScaleShiftTest : public PassTest {
 protected:
  ValueId Conv(ValueId x, int64_t in, int64_t out, std::string_view name,
               int64_t groups = 1, int64_t pad = 0) {
    return Node("Conv",
                {x, Random("w", {out, in / groups, 3, 3}), Random("b", {out})},
                name, {{"group", groups}, {"pads", Pads{pad, pad, pad, pad}}});
  }
  int Changes() { return RunPass("scale-shift", 2e-5f).changes; }
};

TEST_F(ScaleShiftTest, BatchNormalizationGoesIntoConv) {
  const ValueId x = Input("x", {Dim::Symbol("n"), 3, 5, 5});
  Output(BatchNormalization(Conv(x, 3, 4, "conv", 1, 1), 4, "bn"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_THAT(Only("Conv").user_names, ElementsAre("conv", "bn"));
}

TEST_F(ScaleShiftTest, BatchNormalizationGoesIntoConvWithoutBias) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId conv = Node("Conv", {x, Random("w", {4, 3, 1, 1})}, "conv");
  Output(BatchNormalization(conv, 4, "bn"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(graph.value(Only("Conv").input(2)).constant.dims(), Dims({4}));
}

TEST_F(ScaleShiftTest, BatchNormalizationGoesIntoDepthwiseConv) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  Output(BatchNormalization(Conv(x, 4, 8, "conv", 4), 8, "bn"));
  EXPECT_EQ(Changes(), 1);
}

TEST_F(ScaleShiftTest, BatchNormalizationGoesIntoGroupedConvTranspose) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  const ValueId conv =
      Node("ConvTranspose", {x, Random("w", {4, 3, 2, 2})}, "conv",
           {{"group", int64_t{2}}, {"strides", Pads{2, 2}}});
  Output(BatchNormalization(conv, 6, "bn"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, BatchNormalizationGoesIntoGemmWithFactors) {
  const ValueId x = Input("x", {2, 3});
  const ValueId gemm =
      Node("Gemm", {x, Random("w", {4, 3}), Random("b", {1, 4})}, "gemm",
           {{"alpha", 0.5f}, {"beta", 2.0f}, {"transB", int64_t{1}}});
  Output(BatchNormalization(gemm, 4, "bn"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, BatchNormalizationMakesAGemmOfMatMul) {
  const ValueId x = Input("x", {2, 3});
  Output(BatchNormalization(Node("MatMul", {x, Random("w", {3, 4})}, "mm"), 4,
                            "bn"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Count("Gemm"), 1);
}

TEST_F(ScaleShiftTest, ScaleGoesIntoRank3MatMulButShiftDoesNot) {
  const ValueId x = Input("x", {2, 5, 3});
  const ValueId product = Node("MatMul", {x, Random("w", {3, 4})}, "mm");
  const ValueId scaled = Node("Mul", {product, Random("s", {4})}, "mul");
  Output(Node("Add", {scaled, Random("t", {4})}, "add"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Count("MatMul"), 1);
  EXPECT_EQ(Count("Add"), 1);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(ScaleShiftTest, ScaleBehindTheBiasOfRank3MatMulReachesTheWeights) {
  const ValueId x = Input("x", {2, 5, 3});
  const ValueId product = Node("MatMul", {x, Random("w", {3, 4})}, "mm");
  const ValueId sum = Node("Add", {Random("b", {4}), product}, "add");
  Output(Node("Mul", {sum, Number(0.125f)}, "mul"));
  Changes();
  EXPECT_EQ(Count("Mul"), 0);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(ScaleShiftTest, ChannelAddBecomesTheBiasOfConv) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId conv = Node("Conv", {x, Random("w", {8, 3, 3, 3})}, "conv",
                            {{"auto_pad", std::string("SAME_UPPER")}});
  Output(Node("Add", {conv, Random("b", {8, 1, 1})}, "plus"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, AddAlongAnotherAxisStays) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId conv = Node("Conv", {x, Random("w", {3, 3, 3, 3})}, "conv");
  Output(Node("Add", {conv, Random("b", {3})}, "plus"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, ConvThatIsReadTwiceKeepsItsNumbers) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId conv = Conv(x, 3, 4, "conv");
  Output(BatchNormalization(conv, 4, "bn"));
  Output(Node("Relu", {conv}, "relu"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, ConvThatIsAGraphOutputKeepsItsNumbers) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId conv = Conv(x, 3, 4, "conv");
  Output(conv);
  Output(BatchNormalization(conv, 4, "bn"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, ConvWithComputedWeightsIsLeft) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId w = Input("w", {4, 3, 1, 1});
  Output(BatchNormalization(Node("Conv", {x, w}, "conv"), 4, "bn"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, NumbersThatWouldOverflowAreLeft) {
  const ValueId x = Input("x", {1, 1, 2, 2});
  const ValueId conv =
      Node("Conv", {x, Floats("w", {1, 1, 1, 1}, {1e30f})}, "conv");
  Output(Node("Mul", {conv, Number(1e30f)}, "mul"));
  InferShapes(graph);
  Optimize(graph);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(ScaleShiftTest, SharedWeightsAreCopiedBeforeTheyChange) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId w = Random("w", {4, 3, 1, 1});
  graph.value(w).user_name = "w";
  Output(BatchNormalization(Node("Conv", {x, w}, "conv1"), 4, "bn"));
  Output(Node("Conv", {x, w}, "conv2"));
  EXPECT_EQ(Changes(), 1);
  for (const NodeId id : graph.order()) {
    EXPECT_EQ(graph.value(graph.node(id).input(1)).user_name, "w");
  }
}

TEST_F(ScaleShiftTest, MapBeforeUnpaddedConvGoesIntoIt) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  Output(Conv(BatchNormalization(x, 4, "bn"), 4, 6, "conv", 2));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, OneScaleBeforePaddedConvGoesIntoItAndAnAddStays) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  const ValueId scaled = Node("Mul", {x, Number(3.0f)}, "mul");
  const ValueId sum = Node("Add", {scaled, Random("t", {4, 1, 1})}, "add");
  Output(Conv(sum, 4, 6, "conv", 2, 1));
  RunAll();
  EXPECT_EQ(Count("Add"), 1);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(ScaleShiftTest, ScalesPerChannelBeforePaddedConvStayWithTheirShifts) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  Output(Conv(BatchNormalization(x, 4, "bn"), 4, 6, "conv", 2, 1));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, ScalesPerChannelBeforePaddedConvGoIntoIt) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  const ValueId scaled = Node("Mul", {x, Random("s", {4, 1, 1})}, "mul");
  Output(Conv(scaled, 4, 6, "conv", 2, 1));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, ZeroScaleBeforePaddedConvStays) {
  const ValueId x = Input("x", {1, 2, 5, 5});
  const ValueId scaled = Node("Mul", {x, Number(0.0f)}, "mul");
  const ValueId sum = Node("Add", {scaled, Number(1.0f)}, "add");
  Output(Conv(sum, 2, 3, "conv", 1, 1));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, AddBeforePaddedConvStays) {
  const ValueId x = Input("x", {1, 2, 5, 5});
  const ValueId sum = Node("Add", {x, Random("t", {2, 1, 1})}, "add");
  Output(Conv(sum, 2, 3, "conv", 1, 1));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, MapBeforeTwoConvsGoesIntoBoth) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  const ValueId bn = BatchNormalization(x, 4, "bn");
  Output(Conv(bn, 4, 2, "conv1"));
  Output(Conv(bn, 4, 3, "conv2"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(ScaleShiftTest, MapReadByConvAndReluStays) {
  const ValueId x = Input("x", {1, 4, 5, 5});
  const ValueId bn = BatchNormalization(x, 4, "bn");
  Output(Conv(bn, 4, 2, "conv1"));
  Output(Node("Relu", {bn}, "relu"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, MapBeforeGemmGoesIntoIt) {
  const ValueId x = Input("x", {2, 3});
  const ValueId bn = BatchNormalization(x, 3, "bn");
  Output(Node("Gemm", {bn, Random("w", {3, 4})}, "gemm", {{"alpha", 2.0f}}));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, ScaleBeforeConvTransposeGoesIntoIt) {
  const ValueId x = Input("x", {1, 4, 3, 3});
  const ValueId scaled = Node("Mul", {x, Random("s", {1, 4, 1, 1})}, "mul");
  Output(Node("ConvTranspose", {scaled, Random("w", {4, 1, 2, 2})}, "conv",
              {{"group", int64_t{4}}}));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, UniformChainBecomesMulAndAdd) {
  const ValueId x = Input("x", {2, 3});
  const ValueId a = Node("Sub", {x, Number(0.5f)}, "a");
  const ValueId b = Node("Div", {a, Number(4.0f)}, "b");
  const ValueId c = Node("Mul", {Number(3.0f), b}, "c");
  Output(Node("Sub", {Number(1.0f), c}, "d"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(Count("Mul"), 1);
  EXPECT_EQ(Count("Add"), 1);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(ScaleShiftTest, WrittenOutBatchNormalizationIsRecognised) {
  const ValueId x = Input("x", {1, 4, 3, 3});
  const Dims channels = {1, 4, 1, 1};
  const ValueId a = Node("Sub", {x, Random("mean", channels)}, "a");
  const ValueId b = Node("Div", {a, Random("d", channels, 1, 2)}, "b");
  const ValueId c = Node("Mul", {b, Random("g", channels, 1, 2)}, "c");
  Output(Node("Add", {c, Random("beta", channels)}, "d"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
  EXPECT_EQ(Count("BatchNormalization"), 1);
}

TEST_F(ScaleShiftTest, InverseMapsCancel) {
  const ValueId x = Input("x", {2, 3});
  const ValueId a = Node("Mul", {Node("Relu", {x}, "r"), Number(4.0f)}, "a");
  Output(Node("Div", {a, Number(4.0f)}, "b"));
  EXPECT_EQ(Changes(), 1);
  EXPECT_EQ(NodeCount(), 1);
}

TEST_F(ScaleShiftTest, ChainWithAnInnerReaderIsNotMerged) {
  const ValueId x = Input("x", {2, 3});
  const ValueId a = Node("Mul", {x, Number(4.0f)}, "a");
  Output(a);
  Output(Node("Mul", {a, Number(3.0f)}, "b"));
  EXPECT_EQ(Changes(), 0);
}

TEST_F(ScaleShiftTest, TrainingBatchNormalizationIsLeft) {
  const ValueId x = Input("x", {2, 3, 5, 5});
  const ValueId bn = BatchNormalization(Conv(x, 3, 4, "conv"), 4, "bn");
  graph.node(graph.value(bn).producer).Set("training_mode", int64_t{1});
  Output(bn);
  InferShapes(graph);
  Optimize(graph);
  EXPECT_EQ(NodeCount(), 2);
}

TEST_F(ScaleShiftTest, QuantizedValuesAreLeft) {
  const ValueId x = Input("x", {1, 3, 5, 5});
  const ValueId conv = Conv(x, 3, 4, "conv");
  graph.value(conv).quant = PerTensor(DType::kUint8, 0.1f, 128);
  Output(BatchNormalization(conv, 4, "bn"));
  EXPECT_EQ(Changes(), 0);
}

}  // namespace
}  // namespace squint
