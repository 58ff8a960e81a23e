// Products with what is added to them in one node against the same operators
// one after the other, both by the engine's kernels: equal bits.
#include "squint/runtime/fuse_sums.h"

#include <gtest/gtest.h>

#include "squint/ops/infer.h"
#include "squint/runtime/fused_graph.h"

namespace squint {
namespace {

class Net {
 public:
  Net() {
    graph.opset[""] = 25;
    x = graph.AddInput("x", DType::kFloat32, Shape::Of({2, 9, 64}));
  }
  ValueId Op(std::string_view type, std::vector<ValueId> inputs) {
    return graph.Emit(type, std::move(inputs), type);
  }
  ValueId Constant(Dims dims, float step) {
    return graph.AddConstant("constant", SineWave(std::move(dims), step));
  }
  ValueId Product(ValueId a, int64_t from, int64_t to, float step) {
    return Op("MatMul", {a, Constant({from, to}, step)});
  }
  // `adds`: sums that remain.
  void Check(std::vector<ValueId> outputs, int64_t products, int64_t adds) {
    for (const ValueId id : outputs) graph.AddOutput(id);
    InferShapes(graph);
    const Graph apart = graph;
    FuseSums(graph);
    VerifyGraph(graph);
    EXPECT_EQ(CountOf(graph, "MatMulAdd"), products);
    EXPECT_EQ(CountOf(graph, "Add"), adds);
    CheckSameBits(graph, apart, {SineWave({2, 9, 64}, 0.77f)});
  }

  Graph graph;
  ValueId x;
};

TEST(FuseSums, TakesABiasAndAResidual) {
  Net net;
  const ValueId hidden =
      net.Op("Relu", {net.Op("Add", {net.Constant({100}, 0.4f),
                                     net.Product(net.x, 64, 100, 0.3f)})});
  const ValueId linear = net.Op(
      "Add", {net.Product(hidden, 100, 64, 0.2f), net.Constant({64}, 0.9f)});
  net.Check({net.Op("Add", {net.x, linear})}, 2, 0);
}

TEST(FuseSums, OfTwoProductsTheLaterTakesTheOther) {
  Net net;
  const ValueId a = net.Product(net.x, 64, 48, 0.3f);
  const ValueId b = net.Product(net.x, 64, 48, 0.7f);
  net.Check({net.Op("Add", {a, b})}, 1, 0);
  EXPECT_EQ(CountOf(net.graph, "MatMul"), 1);
}

TEST(FuseSums, LeavesWhatOthersReadAndWhatIsBroadcast) {
  Net net;
  const ValueId read = net.Product(net.x, 64, 48, 0.3f);
  const ValueId sum = net.Op("Add", {read, net.Constant({48}, 0.9f)});
  const ValueId rows = net.Op(
      "Add", {net.Product(net.x, 64, 48, 0.2f), net.Constant({2, 9, 1}, 0.5f)});
  const ValueId twice = net.Product(net.x, 64, 48, 0.6f);
  net.Check({read, sum, rows, net.Op("Add", {twice, twice})}, 0, 3);
}

TEST(FuseSums, TakesNothingThatIsMadeLater) {
  Net net;
  const ValueId narrow = net.Product(net.x, 64, 8, 0.3f);
  const ValueId later = net.Op("Neg", {net.Product(net.x, 64, 8, 0.7f)});
  net.Check({net.Op("Add", {narrow, later})}, 0, 1);
}

// The kernel has a step for rows alone.
TEST(FuseSums, LeavesVectors) {
  Net net;
  const ValueId axes =
      net.graph.AddConstant("axes", Tensor::Of<int64_t>({2}, {0, 1}));
  const ValueId sum = net.Op("ReduceSum", {net.x, axes});
  const ValueId vector = net.Op("Squeeze", {sum, axes});
  net.Check({net.Op("Add", {net.Product(vector, 64, 48, 0.2f),
                            net.Constant({48}, 0.5f)})},
            0, 1);
}

// A sum that makes more of the product than it is.
TEST(FuseSums, LeavesWhatGrows) {
  Net net;
  const ValueId grown =
      net.Op("Add", {net.Product(net.x, 64, 48, 0.2f),
                     net.Op("Neg", {net.Constant({3, 1, 1, 48}, 0.5f)})});
  net.Check({grown}, 0, 1);
}

}  // namespace
}  // namespace squint
